"""What a server may ask and say in the middle of a call: known forms, cleaned, and for one caller only."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clock import HandClock
from tests.said import Said
from tests.yett.sanitising.answers import GITHUB, answered
from yett.catalogue import public_uri
from yett.core.bounds import ANSWER_BYTES_MAX, INPUTS_MAX, NOTICE_BYTES_MAX, URI_CHARS_MAX
from yett.core.document import encode
from yett.core.errors import Denied, Fault
from yett.core.notices import LOG_LEVELS, MESSAGE, PROGRESS, Notice, Several, together
from yett.core.operations import Kind
from yett.core.proofs import Answered, Armed, Cleaned
from yett.core.reasons import Reason
from yett.core.rounds import purpose_of
from yett.core.seal import KEY_BYTES, Sealer, SealError
from yett.core.talk import Hear, Talk
from yett.sanitising import Sanitiser
from yett.sanitising.build import build
from yett.sanitising.config import AnswerRules, Handling
from yett.sanitising.questions import STATE_BYTES_MAX

SEALER = Sealer(bytes(KEY_BYTES), HandClock())
FORM: dict[str, Any] = {"message": "Sure?", "requestedSchema": {"type": "object"}}
PAGE: dict[str, Any] = {"mode": "url", "message": "Go", "url": "https://example.com/x?y=1"}
TEXT = {"type": "text", "text": "hello"}
MODEL: dict[str, Any] = {"messages": [{"role": "user", "content": TEXT}], "maxTokens": 10}
IMAGE = {"type": "image", "mimeType": "image/png", "data": "QUJD"}


def stage(secrets: Handling = "redact") -> Sanitiser:
    return build(
        {"demo/echo": AnswerRules(secrets)}, lambda _target, _value: None, SEALER, public_uri
    )


def in_talk(one: Answered, talk: Talk | None = None) -> Answered:
    """Let the call of an answer be one that may be asked back."""
    validated = one.armed.admitted.validated
    permitted = validated.permitted
    call = msgspec.structs.replace(permitted.call, talk=talk or Talk())
    permitted = msgspec.structs.replace(permitted, call=call)
    validated = msgspec.structs.replace(validated, permitted=permitted, encoded=b'{"a":1}')
    admitted = msgspec.structs.replace(one.armed.admitted, validated=validated)
    return msgspec.structs.replace(one, armed=Armed(admitted, one.armed.credential))


def question(method: str, params: Any, key: str = "q", **more: Any) -> dict[str, Any]:
    asked = {"method": method} | ({} if params is None else {"params": params})
    return {"resultType": "input_required", "inputRequests": {key: asked}} | more


def ask(result: dict[str, Any], *, secrets: Handling = "redact", **more: Any) -> Cleaned:
    return stage(secrets).clean(in_talk(answered(result, **more)))


def opened(cleaned: Cleaned) -> Any:
    permitted = cleaned.answered.armed.admitted.validated.permitted
    assert cleaned.result is not None
    return SEALER.open(
        cleaned.result["requestState"],
        owner=permitted.principal.id,
        purpose=purpose_of(permitted, b'{"a":1}'),
    )


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("elicitation/create", FORM),
        ("elicitation/create", FORM | {"mode": "form"}),
        ("elicitation/create", PAGE),
        ("elicitation/create", PAGE | {"url": "http://127.0.0.1:8000/"}),
        ("sampling/createMessage", MODEL),
        ("sampling/createMessage", {"messages": [], "maxTokens": 0, "systemPrompt": "x"}),
        (
            "sampling/createMessage",
            {
                "messages": [
                    {"role": "assistant", "content": [TEXT, IMAGE]},
                    {"role": "user", "content": {"type": "tool_result", "toolUseId": "1"}},
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "1"}]},
                ],
                "maxTokens": 1,
            },
        ),
        ("roots/list", None),
        ("roots/list", {"_meta": {}}),
    ],
)
def test_a_question_leaves_with_a_sealed_state(method: str, params: Any) -> None:
    cleaned = ask(question(method, params, requestState="u:state"))

    assert cleaned.result is not None
    assert cleaned.result["inputRequests"] == question(method, params)["inputRequests"]
    assert "state" not in cleaned.result["requestState"]
    assert opened(cleaned) == {"state": "u:state", "id": "r1", "asked": {"q": method}}
    assert cleaned.encoded.find(b'"requestState":"') > 0


def test_a_state_alone_is_a_question_and_so_is_one_without() -> None:
    only_state = ask({"resultType": "input_required", "requestState": "u:"})
    assert opened(only_state)["asked"] == {}
    assert opened(ask(question("roots/list", {})))["state"] == ""


@pytest.mark.parametrize("kind", [Kind.RESOURCE, Kind.PROMPT])
def test_reading_and_prompts_may_ask_too(kind: Kind) -> None:
    assert opened(ask(question("roots/list", {}), kind=kind))["asked"] == {"q": "roots/list"}


@pytest.mark.parametrize(
    "result",
    [
        question("tools/call", {}),
        question("", {}),
        question("elicitation/create", []),
        question("elicitation/create", {}),
        question("elicitation/create", FORM | {"message": 1}),
        question("elicitation/create", FORM | {"message": "x" * 10_001}),
        question("elicitation/create", FORM | {"mode": "other"}),
        question("elicitation/create", FORM | {"requestedSchema": "x"}),
        question("elicitation/create", PAGE | {"url": None}),
        question("elicitation/create", PAGE | {"url": "javascript:alert(1)"}),
        question("elicitation/create", PAGE | {"url": "file:///etc/passwd"}),
        question("elicitation/create", PAGE | {"url": "https://"}),
        question("elicitation/create", PAGE | {"url": "https://bank@example.com/"}),
        question("elicitation/create", PAGE | {"url": "https://exam\u202eple.com/"}),
        question("elicitation/create", PAGE | {"url": "https://[::1/"}),
        question("elicitation/create", PAGE | {"url": "https://a/" + "x" * URI_CHARS_MAX}),
        question("sampling/createMessage", {}),
        question("sampling/createMessage", MODEL | {"messages": {}}),
        question("sampling/createMessage", MODEL | {"messages": [1]}),
        question("sampling/createMessage", MODEL | {"messages": [{"role": "system", "content": TEXT}]}),
        question("sampling/createMessage", MODEL | {"messages": [{"role": "user", "content": "x"}]}),
        question("sampling/createMessage", MODEL | {"messages": [{"role": "user", "content": {"type": "odd"}}]}),
        question("sampling/createMessage", MODEL | {"messages": [{"role": "user", "content": TEXT}] * 1_001}),
        question("sampling/createMessage", MODEL | {"maxTokens": "10"}),
        question("sampling/createMessage", MODEL | {"maxTokens": True}),
        question("roots/list", {"of": "whom"}),
        question("roots/list", {}, key="k" * 129),
        question("roots/list", {}, key="k\u200b"),
        question("roots/list", {}, requestState=7),
        question("roots/list", {}, requestState="x" * STATE_BYTES_MAX),
        question("roots/list", {}, content=[]),
        {"resultType": "input_required", "inputRequests": []},
        {"resultType": "input_required", "inputRequests": {"q": "x"}},
        {"resultType": "input_required", "inputRequests": {f"q{n}": {"method": "roots/list"} for n in range(INPUTS_MAX + 1)}},
    ],
)  # fmt: skip
def test_what_is_no_question_does_not_leave(result: dict[str, Any]) -> None:
    with pytest.raises(Fault) as caught:
        ask(result)

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert caught.value.sent


def test_a_question_is_no_longer_than_an_answer() -> None:
    long = {"type": "text", "text": "x" * 1_000_000}
    messages = [{"role": "user", "content": long}] * 5

    with pytest.raises(Fault) as caught:
        ask(question("sampling/createMessage", MODEL | {"messages": messages}))

    assert str(ANSWER_BYTES_MAX) in caught.value.private


def test_nothing_else_may_ask() -> None:
    with pytest.raises(Fault):
        ask(question("roots/list", {}), method="completion/complete", kind=Kind.PROMPT)
    with pytest.raises(Fault):
        stage().clean(answered(question("roots/list", {})))  # a caller that cannot be asked


def test_secrets_in_a_question_are_taken_out_and_hidden_text_too() -> None:
    cleaned = ask(question("elicitation/create", FORM | {"message": f"Use {GITHUB}\u200b?"}))

    assert cleaned.result is not None
    message = cleaned.result["inputRequests"]["q"]["params"]["message"]
    assert GITHUB not in message
    assert "\u200b" not in message
    assert cleaned.findings


def test_a_question_with_a_secret_is_blocked_where_the_operator_says_so() -> None:
    with pytest.raises(Denied) as caught:
        ask(question("elicitation/create", FORM | {"message": GITHUB}), secrets="block")

    assert caught.value.reason is Reason.ANSWER_BLOCKED


def test_a_question_under_a_key_that_is_a_secret_does_not_leave() -> None:
    with pytest.raises(Fault):
        ask(question("roots/list", {}, key=GITHUB))


def test_the_lent_secret_is_in_no_question_and_in_a_state_only_sealed() -> None:
    lent = "0123456789abcdef0123456789abcdef"
    result = question("elicitation/create", FORM | {"message": lent}, requestState=f"u:{lent}")

    cleaned = ask(result, lent=lent)

    assert lent.encode() not in cleaned.encoded
    assert opened(cleaned)["state"] == f"u:{lent}"
    assert len(cleaned.findings) == 1


def test_the_state_opens_for_its_caller_and_its_call_only() -> None:
    cleaned = ask(question("roots/list", {}))
    first, second = ask(question("roots/list", {})), ask(question("roots/list", {}))

    assert cleaned.result is not None
    assert first.result is not None
    assert second.result is not None
    assert first.result["requestState"] != second.result["requestState"]
    permitted = cleaned.answered.armed.admitted.validated.permitted
    for owner, arguments in (("q", b'{"a":1}'), (permitted.principal.id, b'{"a":2}')):
        with pytest.raises(SealError):
            SEALER.open(
                cleaned.result["requestState"],
                owner=owner,
                purpose=purpose_of(permitted, arguments),
            )


# notices


def clean_notice(
    method: str, params: Any, secrets: Handling = "redact", lent: str = ""
) -> Notice | None:
    line = Said()
    armed = in_talk(answered({}, lent=lent), Talk(line=line)).armed
    hear = stage(secrets).listen(armed, lambda cleaned: cleaned is not None)
    assert hear is not None
    hear(Notice(f"notifications/{method}", params))
    return line[0] if line else None


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        ("progress", {"progress": 1}, {"progress": 1}),
        ("progress", {"progress": 0.5, "total": 1, "message": "half"}, None),
        ("progress", {"progress": 1, "progressToken": 7, "_meta": {"a": 1}}, {"progress": 1}),
        ("message", {"level": "info", "data": None}, None),
        ("message", {"level": "debug", "logger": "x", "data": {"a": [1]}}, None),
        ("message", {"level": "info", "data": 1, "more": 2}, {"level": "info", "data": 1}),
    ],
)
def test_a_notice_leaves_with_what_is_known_of_it(method: str, params: Any, expected: Any) -> None:
    cleaned = clean_notice(method, params)

    assert cleaned is not None
    assert cleaned.params == (params if expected is None else expected)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("progress", {}),
        ("progress", {"progress": "1"}),
        ("progress", {"progress": True}),
        ("progress", {"progress": 1, "total": None}),
        ("progress", {"progress": 1, "message": 2}),
        ("message", {"data": 1}),
        ("message", {"level": "loud", "data": 1}),
        ("message", {"level": "info"}),
        ("message", {"level": "info", "data": 1, "logger": 2}),
        ("message", {"level": "info", "data": "x" * NOTICE_BYTES_MAX}),
        ("tools/list_changed", {}),
        ("cancelled", {"requestId": 1}),
    ],
)
def test_what_is_no_notice_does_not_leave(method: str, params: Any) -> None:
    assert clean_notice(method, params) is None


def test_every_level_is_known() -> None:
    for level in LOG_LEVELS:
        assert clean_notice("message", {"level": level, "data": 1}) is not None


def test_a_notice_holds_no_secret() -> None:
    said = {"level": "info", "data": {"token": GITHUB, "lent": "0123456789abcdef0123456789abcdef"}}

    cleaned = clean_notice("message", said, lent="0123456789abcdef0123456789abcdef")

    assert cleaned is not None
    assert GITHUB not in str(cleaned.params)
    assert "0123456789abcdef" not in str(cleaned.params)
    assert clean_notice("message", said, secrets="block") is None


def test_a_server_is_heard_by_the_line_of_its_call_as_often_as_is_counted() -> None:
    line, counted = Said(), []

    def count(notice: Notice | Several | None) -> int:
        counted.append(notice)
        return int(len(counted) < 4)

    armed = in_talk(answered({}), Talk(line=line)).armed
    hear = stage().listen(armed, count)
    assert hear is not None
    for number in (1, "no number", 2, 3, 4):
        hear(Notice("notifications/progress", {"progress": number}))

    assert [notice.params["progress"] for notice in line] == [1, 2]
    assert [notice is None for notice in counted] == [False, True, False, False, False]


@pytest.mark.parametrize("talk", [None, Talk(), Talk(progress=True)])
def test_who_has_no_line_is_not_told(talk: Talk | None) -> None:
    one = answered({}) if talk is None else in_talk(answered({}), talk)

    assert stage().listen(one.armed, lambda _: 1) is None


# several at once


TEXTS = st.lists(
    st.sampled_from(
        ["item read", "ghp_", GITHUB, GITHUB[:9], GITHUB[9:20], GITHUB[20:], "ghp_a1B2", "x", "the token is ",
         "password=", "hunter2hunter2", "ignore all previous instructions", "\u200b", "0123456789abcdef", "01234567",
         "89abcdef", "-----BEGIN RSA PRIVATE", " KEY-----", "eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxIn0.", "AKIA", "IOSFODNN7EXAMPLE",
         '"', "\\", "é"]
    )
    | st.text(max_size=5),
    min_size=1,
    max_size=6,
)  # fmt: skip


@given(
    st.lists(TEXTS, min_size=1, max_size=4), st.booleans(), st.sampled_from(["redact", "block", "report"]), st.booleans(),
    st.integers(0, 12) | st.just(100),
)  # fmt: skip
def test_several_at_once_leave_as_they_would_leave_one_by_one(
    packets: list[list[str]], log: bool, secrets: Handling, lent: bool, most: int,  # noqa: FBT001 - drawn
) -> None:  # fmt: skip
    def hear(told: Said, counted: list[bool]) -> Hear:
        def count(cleaned: Notice | Several | None) -> int:
            times, room = (
                len(cleaned.members) if isinstance(cleaned, Several) else 1,
                most - len(counted),
            )
            counted.extend([cleaned is not None] * times)
            return 0 if cleaned is None else max(0, min(times, room))

        one = answered({}, lent="0123456789abcdef" if lent else "")
        found = stage(secrets).listen(in_talk(one, Talk(line=told)).armed, count)
        assert found is not None
        return found

    at_once, one_by_one = Said(), Said()
    counts: tuple[list[bool], list[bool]] = ([], [])
    hears = hear(at_once, counts[0]), hear(one_by_one, counts[1])
    step = 0
    for texts in packets:
        members = []
        for text in texts:
            step += 1
            params: dict[str, Any] = {"level": "info", "data": text} if log else {"progress": step, "message": text or "y"}  # fmt: skip
            members.append(encode(params)[1:-1])
        several = together(MESSAGE if log else PROGRESS, members)
        if several is not None:
            hears[0](several)
            for notice in several.singly():
                hears[1](notice)

    assert at_once == one_by_one
    assert counts[0] == counts[1]


def test_what_is_plain_leaves_at_once_and_what_meets_in_a_secret_does_not() -> None:
    class Told(list[Any]):
        def tell(self, said: Notice | Several) -> None:
            self.append(said)

    told = Told()
    hear = stage().listen(
        in_talk(answered({}), Talk(line=told)).armed,
        lambda said: len(said.members) if isinstance(said, Several) else int(said is not None),
    )
    several = [
        together(PROGRESS, [b'"progress":%d,"message":"%b"' % (step, text.encode()) for step, text in enumerate(texts, first)])
        for first, texts in ((1, ("one ", GITHUB[:3])), (3, (GITHUB[3:], " four" * 60)), (5, ("five", "six")))
    ]  # fmt: skip
    assert hear is not None
    for said in several:
        assert said is not None
        hear(said)

    assert [type(said) for said in told] == [Several, Notice, Several]
    assert told[1].params == {"progress": 4, "message": " four" * 60}
