"""Records as text: bounded, total, and nothing in them that acts (CWE-117)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.yett.audit.scene import AGENT, EMBEDDED_SECRET, call, redact, redact_text
from yett.audit.encode import Encoder, quote
from yett.audit.private import Digest
from yett.core.operations import Kind
from yett.core.target import JSON, Target


def encoder() -> Encoder:
    return Encoder(node="node-1", redact=redact, redact_text=redact_text, digest=Digest(b"k" * 32))


def single(arguments: dict[str, JSON], *, known: bool = True, name: str = "t") -> dict[str, Any]:
    text = encoder().single(
        "refusal",
        call(arguments=arguments, name=name),
        '"decision":"denied"',
        principal=AGENT if known else None,
        target=None,
        verdict=None,
        with_input=True,
    )
    members: dict[str, Any] = json.loads("{" + text + "}")
    return members


@given(st.text())
def test_any_text_can_be_quoted(text: str) -> None:
    quoted = quote(text)

    assert len(json.loads(quoted)) <= 256


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    assert json.loads(quote("a\ud800b")) == "a?b"


def test_a_long_text_is_cut_and_says_so() -> None:
    assert json.loads(quote("x" * 300)) == "x" * 255 + "…"
    assert json.loads(quote("x" * 256)) == "x" * 256


def test_a_secret_across_the_cut_is_redacted_whole() -> None:
    name = "x" * 240 + EMBEDDED_SECRET

    assert single({}, name=name)["tool"] == "x" * 240 + "[redacted]"


def test_a_megabyte_of_name_becomes_256_characters() -> None:
    assert len(single({}, name="x" * 1_000_000)["tool"]) == 256


def test_secrets_in_arguments_and_names_are_redacted_and_the_digest_is_of_the_original() -> None:
    members = single({"token": EMBEDDED_SECRET}, name=f"file:///{EMBEDDED_SECRET}")

    assert EMBEDDED_SECRET not in json.dumps(members)
    digest = Digest(b"k" * 32)(f'"{EMBEDDED_SECRET}"'.encode())
    assert members["input"] == {"token": f"[redacted][digest:{digest}]"}
    assert members["input_digest"] != single({"token": "[redacted]"})["input_digest"]


def test_a_large_input_is_left_out_but_digested() -> None:
    members = single({"text": "x" * 16_400})

    assert members["input"] is None
    assert members["input_truncated"] is True
    assert len(members["input_digest"]) == 32


def test_a_stranger_cannot_fill_the_disk_with_input() -> None:
    assert single({"text": "x" * 2_000})["input"] is not None
    assert single({"text": "x" * 2_000}, known=False)["input"] is None


@pytest.mark.parametrize("value", ["\ud800", {1, 2}])
def test_an_input_that_cannot_be_encoded_is_left_out(value: Any) -> None:
    members = single({"x": value})

    assert members["input"] is None
    assert members["input_digest"] is None


def test_an_event_is_kept_under_its_own_roof() -> None:
    text = encoder().event(
        {"event": "key.created", "actor": "cli:root", "kind": "outcome", "sequence": 9}
    )

    members = json.loads("{" + text + "}")
    assert members["kind"] == "event"
    assert members["details"] == {"kind": "outcome", "sequence": 9}


def test_an_event_without_name_or_too_large_or_unencodable_is_still_a_line() -> None:
    for event in ({"x": "y" * 70_000}, {"x": {1}}, {}):
        text = encoder().event(event)
        assert json.loads("{" + text + "}")["actor"] is None


def test_a_cache_that_is_full_begins_anew() -> None:
    one = encoder()
    for number in range(5_000):
        request = call(peer="::1")
        one.single(
            "own",
            request,
            '"x":1',
            principal=type(AGENT)(id=f"k{number}", name="n"),
            target=None,
            verdict=None,
            with_input=False,
        )

    assert len(one._callers) < 4_097


def test_the_uri_that_a_caller_puts_into_a_template_holds_no_secret() -> None:
    """Attack: `db://{query}` is granted, and its name in the record is what the caller asked for."""
    uri = f"db://{'x' * 230}?token={EMBEDDED_SECRET}"
    resource = Target(kind=Kind.RESOURCE, server="db", name=uri, public_name=uri)
    text = encoder().single(
        "refusal",
        call(),
        '"decision":"denied"',
        principal=AGENT,
        target=resource,
        verdict=None,
        with_input=False,
    )

    assert "ghp_0123" not in text
    assert "[redacted]" in json.loads("{" + text + "}")["tool"]
