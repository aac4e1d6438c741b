"""What leaves: the right form, within bounds, without secrets; and nothing at all in block mode."""

import json
import re
import time
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.seals import SEALER
from tests.yett.sanitising.answers import GITHUB, answered, clean, text
from yett.catalogue import public_uri
from yett.core import bounds
from yett.core.call import RpcError
from yett.core.document import encode, parse
from yett.core.errors import Denied, Fault
from yett.core.operations import Kind
from yett.core.proofs import Answered
from yett.core.reasons import Reason
from yett.core.target import JSON, Target
from yett.sanitising.build import build
from yett.sanitising.config import AnswerRules
from yett.sanitising.stage import Sanitiser


def invalid(untrusted: Any, **more: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        clean(untrusted, **more)
    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert caught.value.sent
    return caught.value


IMAGE = {"type": "image", "mimeType": "image/png", "data": "QUJD"}
AUDIO = {"type": "audio", "mimeType": "audio/wav", "data": "QUI="}
RESOURCE = {"type": "resource", "resource": {"uri": "file:///a", "text": "b"}}
BLOB = {
    "type": "resource",
    "resource": {"uri": "file:///a", "blob": "QQ==", "mimeType": "application/pdf"},
}
LINK = {"type": "resource_link", "uri": "file:///a", "name": "a"}

GOOD: list[tuple[Kind, dict[str, Any]]] = [
    (Kind.TOOL, {"content": []}),
    (Kind.TOOL, text("hello")),
    (Kind.TOOL, text("hello", isError=True)),
    (Kind.TOOL, text("hello", structuredContent={"a": 1}, _meta={"k": "v"})),
    (
        Kind.TOOL,
        text("hello", structuredContent=[1], resultType="complete", ttlMs=0, cacheScope="private"),
    ),
    (Kind.TOOL, {"content": [IMAGE, AUDIO, RESOURCE, BLOB, LINK]}),
    (
        Kind.RESOURCE,
        {"contents": [{"uri": "file:///a", "text": "b"}], "ttlMs": 1_000, "cacheScope": "public"},
    ),
    (Kind.RESOURCE_TEMPLATE, {"contents": [{"uri": "file:///a", "blob": "", "mimeType": None}]}),
    (Kind.PROMPT, {"messages": [{"role": "user", "content": {"type": "text", "text": "a"}}]}),
    (Kind.PROMPT, {"messages": [{"role": "assistant", "content": IMAGE}], "description": "d"}),
]


@pytest.mark.parametrize(("kind", "result"), GOOD, ids=range(len(GOOD)))
def test_an_answer_in_order_leaves_as_it_came(kind: Kind, result: dict[str, Any]) -> None:
    cleaned = clean(result, kind=kind)

    assert cleaned.result is result
    assert cleaned.error is None
    assert cleaned.encoded == encode(result)
    assert cleaned.findings == ()


BAD: list[tuple[Kind, Any]] = [
    (Kind.TOOL, {}),
    (Kind.TOOL, {"content": None}),
    (Kind.TOOL, {"content": {}}),
    (Kind.TOOL, {"content": ["text"]}),
    (Kind.TOOL, {"content": [{}]}),
    (Kind.TOOL, {"content": [{"type": "video", "data": ""}]}),
    (Kind.TOOL, {"content": [{"type": ["text"], "text": "a"}]}),
    (Kind.TOOL, {"content": [{"type": "tool_use", "name": "x", "id": "1", "input": {}}]}),
    (Kind.TOOL, {"content": [{"type": "text"}]}),
    (Kind.TOOL, {"content": [{"type": "text", "text": 1}]}),
    (Kind.TOOL, {"content": [IMAGE | {"data": "<svg onload=alert(1)>"}]}),
    (Kind.TOOL, {"content": [IMAGE | {"data": "QUJ"}]}),
    (Kind.TOOL, {"content": [IMAGE | {"data": "QU=D"}]}),
    (Kind.TOOL, {"content": [IMAGE | {"data": "QUI\n"}]}),
    (Kind.TOOL, {"content": [IMAGE | {"data": None}]}),
    (Kind.TOOL, {"content": [IMAGE | {"mimeType": "png"}]}),
    (Kind.TOOL, {"content": [IMAGE | {"mimeType": "image/png\r\nX: y"}]}),
    (Kind.TOOL, {"content": [{"type": "image", "data": "QUJD"}]}),
    (Kind.TOOL, {"content": [{"type": "resource"}]}),
    (Kind.TOOL, {"content": [{"type": "resource", "resource": {"text": "a"}}]}),
    (Kind.TOOL, {"content": [{"type": "resource", "resource": {"uri": "a"}}]}),
    (
        Kind.TOOL,
        {"content": [{"type": "resource", "resource": {"uri": "a", "text": "a", "blob": "QQ=="}}]},
    ),
    (
        Kind.TOOL,
        {"content": [{"type": "resource", "resource": {"uri": "a", "text": "a", "mimeType": 1}}]},
    ),
    (Kind.TOOL, {"content": [{"type": "resource_link", "uri": "a"}]}),
    (Kind.TOOL, {"content": [{"type": "resource_link", "name": "a"}]}),
    (Kind.TOOL, text("a", isError="no")),
    (Kind.TOOL, text("a", isError=None)),
    (Kind.TOOL, text("a", isError=0)),
    (Kind.TOOL, text("a", _meta=[])),
    (Kind.TOOL, text("a", resultType="input_required", inputRequests={})),
    (Kind.TOOL, text("a", resultType="task")),
    (Kind.TOOL, text("a", resultType=None)),
    (Kind.TOOL, {"resultType": "input_required", "requestState": "x"}),
    (Kind.TOOL, text("a", ttlMs=-1)),
    (Kind.TOOL, text("a", ttlMs=True)),
    (Kind.TOOL, text("a", ttlMs="1")),
    (Kind.TOOL, text("a", cacheScope="everybody")),
    (Kind.RESOURCE, text("a")),
    (Kind.RESOURCE, {"contents": [{"text": "a"}]}),
    (Kind.RESOURCE, {"contents": [{"uri": "a", "blob": "\x1b"}]}),
    (Kind.PROMPT, {"messages": ["a"]}),
    (Kind.PROMPT, {"messages": [{"role": "system", "content": IMAGE}]}),
    (Kind.PROMPT, {"messages": [{"role": "user", "content": "a"}]}),
    (Kind.PROMPT, {"messages": [{"role": "user", "content": [IMAGE]}]}),
    (Kind.PROMPT, {"messages": [], "description": 1}),
    (Kind.TOOL, {"content": [{"type": "text", "text": "a"}] * (bounds.ANSWER_BLOCKS_MAX + 1)}),
    (Kind.TOOL, text("a" * (bounds.ANSWER_TEXT_CHARS_MAX + 1))),
    (Kind.TOOL, text("a", structuredContent=["a" * bounds.ANSWER_BYTES_MAX])),
    (Kind.TOOL, None),
]


@pytest.mark.parametrize(("kind", "result"), BAD, ids=range(len(BAD)))
def test_an_answer_of_another_form_or_size_does_not_leave(kind: Kind, result: Any) -> None:
    invalid(result, kind=kind)


def test_an_operation_without_a_known_answer_has_none() -> None:
    invalid(text("a"), method="tools/list")


def test_an_answer_nested_beyond_any_document_is_refused_not_walked() -> None:
    deep: Any = "\x1b[8m"
    for _ in range(bounds.DOCUMENT_DEPTH_MAX + 2):
        deep = [deep]

    invalid(text("a", structuredContent=deep))


# --- output schema ------------------------------------------------------------------------------


def test_structured_content_that_contradicts_its_schema_does_not_leave() -> None:
    asked: list[tuple[str, JSON]] = []

    def contradicts(target: Target, value: JSON) -> str | None:
        asked.append((target.key, value))
        return "structuredContent/n is not an integer"

    stage = build({}, contradicts, SEALER, public_uri)
    with pytest.raises(Fault) as caught:
        stage.clean(answered(text("a", structuredContent={"n": "x"})))

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert asked == [("demo/echo", {"n": "x"})]
    stage.clean(answered(text("a")))
    stage.clean(answered(text("failed", structuredContent={"n": "x"}, isError=True)))
    assert len(asked) == 1


# --- secrets ------------------------------------------------------------------------------------

PLACES: dict[str, Any] = {
    "text": text,
    "error text": lambda secret: text(secret, isError=True),
    "value": lambda secret: text("a", structuredContent={"rows": [{"v": f"x {secret}"}]}),
    "key": lambda secret: text("a", structuredContent={secret: 1}),
    "meta": lambda secret: text("a", _meta={"m": secret}),
    "link": lambda secret: {"content": [LINK | {"uri": f"https://h/?t={secret}"}]},
    "resource": lambda secret: {
        "content": [{"type": "resource", "resource": {"uri": "u", "text": secret}}]
    },
    "image extra": lambda secret: {"content": [IMAGE | {"alt": secret}]},
    "false image": lambda secret: text("a", structuredContent=IMAGE | {"data": secret}),
}
DODGES: dict[str, Any] = {
    "plain": lambda secret: secret,
    "json escapes": lambda secret: "\\u0067" + secret[1:],
    "zero width": lambda secret: secret[:6] + "\u200b" + secret[6:],
    "tags": lambda secret: secret[:2] + "\U000e0041" + secret[2:],
    "ansi": lambda secret: secret[:9] + "\x1b[31m" + secret[9:],
    "joiner": lambda secret: secret[:9] + "\u200d" + secret[9:],
    "escapes and zero width": lambda secret: "\\u0067" + secret[1:7] + "\u200b" + secret[7:],
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dodge", DODGES)
def test_a_secret_is_redacted_wherever_it_stands_and_however_it_is_dressed(
    place: str, dodge: str
) -> None:
    cleaned = clean(PLACES[place](DODGES[dodge](GITHUB)))

    assert GITHUB[8:].encode() not in cleaned.encoded
    assert GITHUB[10:].encode() not in cleaned.encoded
    assert b"[redacted:github-token]" in cleaned.encoded
    assert "secret:github-token" in cleaned.findings
    assert cleaned.encoded == encode(cleaned.result)


def test_a_secret_in_json_escapes_on_the_wire_is_the_same_secret() -> None:
    escaped = "".join(f"\\u{ord(char):04x}" for char in GITHUB)
    body = f'{{"content":[{{"type":"text","text":"{escaped}"}}]}}'.encode()

    cleaned = clean(parse(body))

    assert cleaned.result == text("[redacted:github-token]")


def test_a_member_named_like_a_secret_is_redacted_in_structured_content() -> None:
    cleaned = clean(
        text(
            "a", structuredContent={"api_key": "Zm9vYmFy1234QUJD", "next_token": "Zm9vYmFy1234QUJD"}
        )
    )

    assert cleaned.result is not None
    assert cleaned.result["structuredContent"] == {
        "api_key": "[redacted:assigned-secret]",
        "next_token": "Zm9vYmFy1234QUJD",
    }


def test_binary_content_is_not_read_as_text() -> None:
    akia = "AKIAIOSFODNN7EXAMPLE"
    answer = {"content": [IMAGE | {"data": akia}, {"type": "text", "text": akia}]}

    cleaned = clean(answer)

    assert cleaned.result is not None
    assert cleaned.result["content"][0]["data"] == akia
    assert cleaned.result["content"][1]["text"] == "[redacted:aws-access-key-id]"


def test_flag_notes_and_changes_no_text() -> None:
    sent = text(GITHUB, structuredContent={"api_key": "Zm9vYmFy1234QUJD"})
    noted = {"yett/findings": {"secret:assigned-secret": 1, "secret:github-token": 1}}

    cleaned = clean(sent, secrets="flag")

    assert cleaned.result == sent | {"_meta": noted}
    assert cleaned.findings == ("secret:assigned-secret", "secret:github-token")


def test_flag_still_removes_what_hides() -> None:
    assert clean(text("a\x1b[8mb\\u0067"), secrets="flag").result == text("ab\\u0067")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dodge", DODGES)
def test_block_leaves_nothing(place: str, dodge: str) -> None:
    with pytest.raises(Denied) as caught:
        clean(PLACES[place](DODGES[dodge](GITHUB)), secrets="block")

    assert caught.value.reason is Reason.ANSWER_BLOCKED
    assert caught.value.sent
    assert GITHUB[8:] not in str(caught.value)
    assert caught.value.shown is None


def test_block_lets_an_answer_without_secrets_pass() -> None:
    assert clean(text("a\u200bb"), secrets="block").result == text("ab")


def test_a_tool_without_rules_has_its_secrets_redacted() -> None:
    cleaned = build({}, lambda _target, _value: None, SEALER, public_uri).clean(
        answered(text(GITHUB))
    )

    assert cleaned.result == text("[redacted:github-token]")


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kept"),
    [(-32602, -32602), (-32000, -32000), (-32768, -32768), (-32769, -32603), (-31999, -32603), (0, -32603),
     (401, -32603), (429, -32603), (2**70, -32603)],
)  # fmt: skip
def test_a_code_that_could_pass_for_one_of_the_gate_is_replaced(code: int, kept: int) -> None:
    cleaned = clean(None, error=RpcError(code, "no"))

    assert cleaned.error == RpcError(kept, "no")
    assert cleaned.result is None
    assert json.loads(cleaned.encoded) == {"code": kept, "message": "no"}


def test_an_error_is_cleaned_like_an_answer() -> None:
    cleaned = clean(None, error=RpcError(-32000, f"\x1b[31mbad {GITHUB}", {"\u202ehint": GITHUB}))

    assert cleaned.error == RpcError(
        -32000, "bad [redacted:github-token]", {"hint": "[redacted:github-token]"}
    )
    assert json.loads(cleaned.encoded)["data"] == {"hint": "[redacted:github-token]"}
    assert cleaned.findings == ("ansi", "bidirectional_controls", "secret:github-token")


def test_an_error_is_cut_after_it_was_cleaned() -> None:
    cleaned = clean(None, error=RpcError(-32000, "a" * 480 + GITHUB + "b" * 5_000_000))

    assert cleaned.error is not None
    assert len(cleaned.error.message) == 500
    assert "ghp_" not in cleaned.error.message


def test_large_data_of_an_error_is_dropped() -> None:
    assert clean(None, error=RpcError(-32000, "a", "x" * 4_094)).error == RpcError(
        -32000, "a", "x" * 4_094
    )
    assert clean(None, error=RpcError(-32000, "a", "x" * 4_095)).error == RpcError(-32000, "a")


def test_a_secret_in_an_error_is_blocked_too() -> None:
    with pytest.raises(Denied):
        clean(None, error=RpcError(-32000, GITHUB), secrets="block")


# --- whatever comes -----------------------------------------------------------------------------

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text("\x1b[m\u200b\u202egh p_A1=k:e\\u0067y\"'", max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES, st.text(max_size=20))
def test_cleaning_twice_changes_nothing_more(structured: Any, shown: str) -> None:
    try:
        once = clean(text(shown, structuredContent=structured))
    except Fault:
        return
    assert once.result is not None
    twice = clean(once.result)

    assert twice.result == once.result
    assert twice.encoded == once.encoded
    assert parse(once.encoded) == once.result


@pytest.mark.parametrize(
    "unit",
    [
        "a ",
        f"{GITHUB} ",
        "password: Tr0ub4dor&3 ",
        "\x1b]",
        "\u200b",
        "-----BEGIN PRIVATE KEY-----",
        "\\u0067",
    ],
)
def test_the_worst_megabyte_is_cleaned_in_bounded_time(unit: str) -> None:
    answer = text((unit * 1_000_000)[:1_000_000])
    started = time.process_time()

    with suppress(Fault):  # what would take longer than its share is refused
        clean(answer)

    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "untrusted",
    [
        text("quiet"),
        text("quiet", isError=True),
        text("a \u200b b"),
        text("AKIAIOSFODNN7EXAMPLE ghp_0123456789abcdefghijABCDEFGHIJ012345"),
        text("x", structuredContent={"a": 1}),
        text("x", structuredContent={"password": "hunter22", "uri": "file:///x"}, isError=False),
        text("x", _meta={"yett/findings": {"secret": 9}}),
        text("x", extra=1),
        {"content": []},
        {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "extra": "file:///x"}]},
        {"content": [{"type": "resource_link", "uri": "file:///x", "name": "n"}]},
    ],
)  # fmt: skip
def test_it_does_not_matter_how_an_answer_was_written(untrusted: dict[str, Any]) -> None:
    stage = build({}, lambda _target, _value: None, SEALER, public_uri)

    compact, other = (stage.clean(answered(untrusted, compact=how)) for how in (True, False))

    assert compact.encoded == other.encoded == encode(compact.result)
    assert (compact.result, compact.findings) == (other.result, other.findings)


PIECES = st.sampled_from(
    ["quiet", "a \u200b b", GITHUB, "AKIAIOSFODNN7EXAMPLE", '"uri":', '{"password":"hunter22"}', "lent-secret-1"]
)  # fmt: skip


@given(
    pieces=st.lists(PIECES | st.text(max_size=5), max_size=3),
    is_error=st.sampled_from([None, True, False]),
    rules=st.sampled_from(["redact", "flag", "block", "spotlight"]),
    lent=st.sampled_from(["", "Bearer lent-secret-1"]),
    everywhere=st.booleans(),
)
def test_a_result_that_is_known_to_be_a_text_is_cleaned_like_one_that_is_not(
    *, pieces: list[str], is_error: bool | None, rules: Any, lent: str, everywhere: bool
) -> None:
    handling = AnswerRules(spotlight=True) if rules == "spotlight" else AnswerRules(secrets=rules)
    stage = build({"demo/echo": handling}, lambda _target, _value: None, SEALER, public_uri)
    untrusted = text(" ".join(pieces)) | ({} if is_error is None else {"isError": is_error})
    one = answered(untrusted, lent=lent, server=None if everywhere else "demo")

    known, other = (
        _outcome(stage, msgspec.structs.replace(one, is_text=is_text, encoded=encoded))
        for is_text, encoded in ((True, one.encoded), (False, b""))
    )

    assert known == other


def test_a_text_that_is_known_to_be_one_is_not_longer_than_another() -> None:
    long = answered(text("x" * (bounds.ANSWER_TEXT_CHARS_MAX + 1)))
    stage = build({}, lambda _target, _value: None, SEALER, public_uri)

    with pytest.raises(Fault):
        stage.clean(msgspec.structs.replace(long, is_text=True))


def _outcome(stage: Sanitiser, one: Answered) -> Any:
    try:
        cleaned = stage.clean(one)
    except Denied as denied:
        return denied.reason, denied.private
    # The mark that leads a marked text is another each time.
    shown = re.sub(rb"[0-9a-f]{8,}", b"mark", cleaned.encoded)
    return shown, cleaned.findings, encode(cleaned.result) == cleaned.encoded


@pytest.mark.parametrize(
    "content",
    [
        "text",
        1,
        None,
        {},
        ["text"],
        [1],
        [None],
        [[]],
        [{}],
        [{"type": "text"}],
        [{"type": "text", "text": 1}],
    ],
)
def test_an_answer_of_another_form_is_refused_however_it_was_written(content: Any) -> None:
    with pytest.raises(Fault):
        clean({"content": content})
