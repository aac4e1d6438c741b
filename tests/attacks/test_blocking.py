"""Attacks promise 10: a request costs at most a bounded amount of work and never stops another tenant.

One loop serves everybody, so whatever one caller or one server sends may not hold it. CPU time is
measured, not wall time, so that a busy machine says the same.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.yett.sanitising.answers import GITHUB, clean, text
from yett.core.document import DocumentError, encode, parse
from yett.core.errors import Fault
from yett.sanitising import Redactor
from yett.validation.arguments import measure
from yett.validation.references import SchemaRefused
from yett.validation.schema import compile_any, compile_schema

CPU_SECONDS_MAX = 0.5
"""Ten times less is usual. Without the bounds each of these takes from one to thirty seconds."""

MEGABYTES_4 = 4 * 1024 * 1024


def cpu_seconds(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


DOCUMENTS = {
    "compact lists": b"[" + b"[]," * (MEGABYTES_4 // 3) + b"1]",
    "lists laid out": b"[ " + b"[]," * (MEGABYTES_4 // 3) + b"1]",
    "objects laid out": b"[ " + b'{"a":1},' * (MEGABYTES_4 // 8) + b"1]",
    "odd numbers": b"[" + b"1e1," * (MEGABYTES_4 // 4) + b"1]",
    "odd numbers of huge exponents": b"[" + b"0e999999999999999," * (MEGABYTES_4 // 18) + b"1]",
    "many keys": b"{" + b",".join(b'"%d":1e1' % n for n in range(300_000)) + b"}",
    "texts of nothing": b"[" + b'"",' * (MEGABYTES_4 // 3) + b'""]',
    "a text that never ends": b'["' + b'\\"' * (MEGABYTES_4 // 2),
    "deep": b"[" * MEGABYTES_4,
}


@pytest.mark.parametrize("body", DOCUMENTS.values(), ids=DOCUMENTS)
def test_no_document_holds_the_loop(body: bytes) -> None:
    def read() -> None:
        with pytest.raises(DocumentError):
            parse(body)

    assert cpu_seconds(read) < CPU_SECONDS_MAX


FITTING = {
    "a table as text, quotes and commas in it": b'["' + rb"\"a\",{[\\," * 300_000 + b'"]',
    "one text that is laid out": b'{ "a" : "' + b"x," * 1_000_000 + b'" }',
    "two hundred thousand numbers": b"[" + b"1," * 200_000 + b"1]",
    "the same laid out": b"[" + b"1, " * 200_000 + b"1]",
}


@pytest.mark.parametrize("body", FITTING.values(), ids=FITTING)
def test_what_is_in_a_text_is_not_counted_and_honest_documents_pass(body: bytes) -> None:
    assert cpu_seconds(lambda: parse(body)) < CPU_SECONDS_MAX


def test_the_operators_own_file_may_be_of_any_size() -> None:
    body = b"[" + b"1," * 300_000 + b"1]"

    with pytest.raises(DocumentError):
        parse(body)
    assert len(parse(body, trusted=True)) == 300_001


EVERY_KIND = [
    *("gh" + "p_", "sk_" + "live_", "AI" + "za", "xox" + "b-", "np" + "m_", "glp" + "at-", "h" + "f_"),
    *("shp" + "at_", "do" + "p_v1_", "gs" + "k_", "xa" + "i-", "pp" + "lx-", "r" + "8_", "dck" + "r_pat_"),
    *("key-", "AccountKey=", "AK" + "IA", "authorization: Bearer ", "password: "),
]  # fmt: skip
KINDS = [kind + "a1b2c3d4" * 8 for kind in EVERY_KIND]

ANSWERS: dict[str, dict[str, Any]] = {
    "many kinds of secrets in very many texts": {
        "content": [],
        "structuredContent": {"rows": KINDS + ["abcdefghijk"] * 200_000},
    },
    "very many passwords in one text": text("ab://u:pA5s@h " * 140_000),
    "very many assignments in one text": text("token=abcdefgh1 " * 120_000),
    "hidden characters of every kind": text("\x1b[0m\u200da\ufe0f\u202e\x01\u2028" * 180_000),
    "one hidden character in very many texts": {
        "content": [],
        "structuredContent": {"rows": ["\u200b"] + ["a"] * 240_000},
    },
    "secrets spelt in escapes": text("\\u0067" * 300_000),
    "one password as long as the answer": text(f"ab://u:{'x%' * 900_000}@h"),
    "one name as long as the answer": {
        "content": [],
        "structuredContent": {"password" * 200_000: "Tr0ub4dor&3", "other": GITHUB},
    },
    "private keys": text("-----BEGIN PRIVATE KEY-----" * 70_000),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_no_answer_of_a_server_holds_the_loop(answer: dict[str, Any]) -> None:
    """A hostile server asks for a minute of searching: it gets its share, then the answer is refused."""

    def search() -> None:
        with suppress(Fault):
            clean(answer)

    assert cpu_seconds(search) < 2 * CPU_SECONDS_MAX


def test_no_input_holds_the_loop_while_its_record_is_redacted() -> None:
    redactor = Redactor()
    document = encode({"rows": KINDS + ["abcdefghijk"] * 200_000})

    assert cpu_seconds(lambda: redactor.redact(document)) < 2 * CPU_SECONDS_MAX
    assert cpu_seconds(lambda: redactor.redact_text("token=abcdefgh1 " * 100_000)) < CPU_SECONDS_MAX


def test_what_cannot_be_searched_whole_is_not_let_through() -> None:
    """Giving up must not mean that the secret passes."""
    hidden_among_others = text("ab://u:pA5s@h " * 100_000 + GITHUB)

    with pytest.raises(Fault, match="too much"):
        clean(hidden_among_others)
    assert GITHUB not in Redactor().redact_text("ab://u:pA5s@h " * 100_000 + GITHUB)


def test_a_large_honest_answer_is_searched_whole() -> None:
    prose = "The quick brown fox jumps over the lazy dog; \x1b[1m1234\x1b[0m.\n" * 30_000

    assert GITHUB not in clean(text(prose + GITHUB)).encoded.decode()


TEXT = "".join("ab"[n * n % 7 % 2] for n in range(100_000))
STEEP = "^(?:a|b)*a(?:a|b){5000}$"
LONG = 2**64


def of(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": items}, **more}


def rows(items: dict[str, Any]) -> dict[str, Any]:
    return of({"type": "array", "items": items})


# Of each: the schema of a hostile server, and what is sent to it or comes from it.
JUDGEMENTS: dict[str, tuple[dict[str, Any], Any]] = {
    "one steep pattern": (of({"pattern": STEEP}), TEXT[:40_000]),
    "repetitions in repetitions": (of({"pattern": "^(?:(?:[ab]?){60}){60}c$"}), TEXT),
    "a repetition of a repetition": (of({"pattern": "^(?:a|b)*a[ab]{70}{70}$"}), TEXT),
    "one pattern a thousand times": (
        of({"allOf": [{"$ref": "#/$defs/p"}] * 900}, **{"$defs": {"p": {"pattern": "^(\\w{1,50}|\\d{1,70})*x$"}}}),
        [TEXT] * 1,
    ),
    "a pattern behind an assertion that fails": (
        of({"enum": ["x"], "minLength": 10**7, "pattern": STEEP}), TEXT[:40_000],
    ),
    "a pattern in the second branch": (
        of({"anyOf": [{"type": "integer"}, {"pattern": STEEP}]}), TEXT[:40_000],
    ),
    "a pattern under `not`": (of({"not": {"pattern": STEEP}}), TEXT[:40_000]),
    "a pattern under a keyword that nobody knows": (
        of({"$ref": "#/x-more/deep"}, **{"x-more": {"deep": {"pattern": STEEP}}}), TEXT[:40_000],
    ),
    "a pattern for names": (of({"patternProperties": {STEEP: {}}}), {TEXT[:40_000]: 1}),
    "a pattern of names": (of({"propertyNames": {"pattern": STEEP}}), {TEXT[:40_000]: 1}),
    "a pattern under patternProperties": (
        of({"patternProperties": {"^k$": {"pattern": STEEP}}}), {"k": TEXT[:40_000]},
    ),
    "a format a thousand times": (of({"allOf": [{"format": "uri"}] * 900}), TEXT),
    "unique integers beyond 64 bits": (
        of({"type": "array", "uniqueItems": True}), [LONG**6 + n for n in range(1_000)],
    ),
    "many conditions on many numbers": (
        rows({"allOf": [{"multipleOf": 1e-300}] * 90}), [1.5e300 + n for n in range(1_000)],
    ),
    "a list of fractions": (rows({"enum": [n + 0.5 for n in range(4_900)]}), [4899.5] * 1_000),
    "a list of objects": (rows({"enum": [{"a": n} for n in range(2_000)]}), [{"a": 1_999}] * 1_000),
    "a long constant": (
        rows({"allOf": [{"const": {str(n): n for n in range(100)}}] * 40}),
        [{str(n): n for n in range(100)}] * 900,
    ),
    "very many errors to be told": (
        rows({"required": [str(n) for n in range(4_000)]}), [{}] * 1_000,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("schema", "value"), JUDGEMENTS.values(), ids=JUDGEMENTS)
def test_no_schema_of_a_server_holds_the_loop(schema: dict[str, Any], value: Any) -> None:
    """As arguments and as an answer: either it is judged in its share of time, or it does not fit."""
    with suppress(SchemaRefused):
        arguments = compile_schema(schema, open_=False)
        answers = compile_any(schema, open_=True)
        nodes, depth = measure({"a": value})

        def judge() -> None:
            arguments.first_problem({"a": value}, nodes=nodes, depth=depth)
            answers.first_problem_of_answer({"a": value})

        assert cpu_seconds(judge) < 2 * CPU_SECONDS_MAX


def test_a_long_text_beside_a_pattern_is_no_reason_to_refuse() -> None:
    schema = compile_schema(
        {
            "type": "object",
            "properties": {
                "path": {"type": "string", "pattern": "^[A-Za-z0-9._/-]{1,255}$"},
                "content": {"type": "string"},
                "when": {"format": "date-time"},
            },
        },
        open_=False,
    )
    arguments = {"path": "a/b.txt", "content": TEXT, "when": "2026-11-22T10:00:00Z"}

    assert schema.first_problem(arguments, nodes=4) is None
    assert schema.first_problem({**arguments, "path": "\n"}, nodes=4) is not None
