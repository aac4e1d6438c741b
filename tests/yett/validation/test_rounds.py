"""A call goes on only for its own caller, with its own arguments, and with answers to what was asked."""

from typing import Any

import msgspec
import pytest

from tests.clock import HandClock
from tests.yett.validation.calls import permitted, tool
from yett.core.bounds import ARGUMENT_STRING_CHARS_MAX, INPUTS_MAX
from yett.core.document import encode
from yett.core.errors import Denied
from yett.core.identity import Principal
from yett.core.operations import OPERATIONS
from yett.core.proofs import Permitted, Validated
from yett.core.reasons import Reason
from yett.core.rounds import Round, purpose_of
from yett.core.seal import KEY_BYTES, Sealer
from yett.core.talk import Talk
from yett.validation import SchemaCache, Validator

ANY = {"type": "object", "additionalProperties": True}
ARGUMENTS = {"message": "hello"}
ASKED = {"name": "elicitation/create", "folders": "roots/list"}
ADA: dict[str, Any] = {"action": "accept", "content": {"name": "Ada"}}
CLOCK = HandClock()
SEALER = Sealer(bytes(KEY_BYTES), CLOCK)


def going_on(talk: Talk | None, arguments: dict[str, Any] | None = None) -> Permitted:
    before = permitted(ARGUMENTS if arguments is None else arguments, tool(ANY))
    return msgspec.structs.replace(before, call=msgspec.structs.replace(before.call, talk=talk))


def sealed(before: Permitted | None = None, seconds: float = 600.0, **asked: str) -> str:
    one = before or going_on(None)
    return SEALER.seal(
        msgspec.to_builtins(Round("u:state", "r0", asked or ASKED)),
        owner=one.principal.id,
        purpose=purpose_of(one, encode(one.call.arguments)),
        seconds=seconds,
    )


def check(one: Permitted) -> Validated:
    return Validator(SchemaCache(), SEALER, {"demo/echo"}).check(one)


def denied(one: Permitted) -> Denied:
    with pytest.raises(Denied) as caught:
        check(one)
    return caught.value


@pytest.mark.parametrize("talk", [None, Talk(), Talk(progress=True, capabilities={"roots": {}})])
def test_a_first_round_goes_on_from_nothing(talk: Talk | None) -> None:
    assert check(going_on(talk)).resumption is None


def test_a_round_goes_on_with_its_state_and_answers() -> None:
    seal = sealed()
    talk = Talk(state=seal, inputs={"name": ADA}, failed=("folders", "never asked"))

    resumption = check(going_on(talk)).resumption

    assert resumption is not None
    assert (resumption.state, resumption.continues, resumption.seal) == ("u:state", "r0", seal)
    assert resumption.inputs == {"name": ADA}
    assert resumption.failed == ("folders",)


def test_it_may_be_tried_again_until_it_is_sent() -> None:
    """What uses up the state is the sending; a refusal in between costs nobody a dialogue."""
    one = going_on(Talk(state=sealed(), inputs={"name": ADA}))

    assert check(one).resumption == check(one).resumption


def test_answers_to_what_was_not_asked_are_left_out() -> None:
    talk = Talk(state=sealed(), inputs={"name": ADA, "other": {"action": "nonsense"}})

    resumption = check(going_on(talk)).resumption

    assert resumption is not None
    assert resumption.inputs == {"name": ADA}


def test_without_a_state_answers_go_on_as_they_are_and_continue_nothing() -> None:
    resumption = check(going_on(Talk(inputs={"name": {"anything": 1}}))).resumption

    assert resumption is not None
    assert (resumption.state, resumption.seal, resumption.continues) == ("", "", "")
    assert resumption.inputs == {"name": {"anything": 1}}


def _another_caller(one: Permitted) -> Permitted:
    return msgspec.structs.replace(one, principal=Principal(id="q", name="p"))


def _another_tool(one: Permitted) -> Permitted:
    return msgspec.structs.replace(one, target=msgspec.structs.replace(one.target, name="other"))


def _another_operation(one: Permitted) -> Permitted:
    call = msgspec.structs.replace(one.call, operation=OPERATIONS["prompts/get"])
    return msgspec.structs.replace(one, call=call)


def _another_argument(one: Permitted) -> Permitted:
    call = msgspec.structs.replace(one.call, arguments={"message": "hello "})
    return msgspec.structs.replace(one, call=call)


def _another_server(one: Permitted) -> Permitted:
    return msgspec.structs.replace(one, target=msgspec.structs.replace(one.target, server="other"))


@pytest.mark.parametrize(
    "bend", [_another_caller, _another_tool, _another_operation, _another_argument, _another_server]
)
def test_a_state_opens_for_one_caller_and_one_call_only(bend: Any) -> None:
    one = going_on(Talk(state=sealed()))

    assert check(one).resumption is not None
    assert denied(bend(one)).reason is Reason.INVALID_STATE


@pytest.mark.parametrize("state", ["x", "ä", "A" * 100_000, "u:state", "p:ticket"])
def test_a_state_that_was_made_up_does_not_open(state: str) -> None:
    refusal = denied(going_on(Talk(state=state)))

    assert refusal.reason is Reason.INVALID_STATE
    assert not refusal.sent


def test_a_state_is_good_for_a_while() -> None:
    one = going_on(Talk(state=sealed(seconds=10.0)))
    assert check(one).resumption is not None

    CLOCK.pass_seconds(10.1)

    assert denied(one).reason is Reason.INVALID_STATE


def test_a_cursor_is_no_state() -> None:
    """Other seals of the same gate, for the same caller, are for something else."""
    cursor = SEALER.seal([1, 2], owner="p", purpose="cursor", seconds=600.0)

    assert denied(going_on(Talk(state=cursor))).reason is Reason.INVALID_STATE


@pytest.mark.parametrize(
    ("inputs", "pointer"),
    [
        ({"name": "Ada"}, "/inputResponses"),
        ({"name": None}, "/inputResponses"),
        ({"name": [ADA]}, "/inputResponses"),
        ({f"k{n}": {} for n in range(INPUTS_MAX + 1)}, "/inputResponses"),
        ({"name": {"action": "maybe"}}, "/inputResponses/name"),
        ({"folders": {"roots": [{"uri": "https://example.com"}]}}, "/inputResponses/folders"),
        ({"na/me": {"action": "accept"}, "name": {}}, "/inputResponses/name"),
    ],
)
def test_what_is_no_answer_is_denied_with_its_place(inputs: Any, pointer: str) -> None:
    refusal = denied(going_on(Talk(state=sealed(), inputs=inputs)))

    assert (refusal.reason, refusal.pointer) == (Reason.INVALID_INPUT, pointer)


def test_answers_are_capped_like_arguments() -> None:
    long = {"action": "accept", "content": {"name": "x" * (ARGUMENT_STRING_CHARS_MAX + 1)}}

    assert denied(going_on(Talk(state=sealed(), inputs={"name": long}))).reason is Reason.INVALID_INPUT  # fmt: skip
    assert denied(going_on(Talk(inputs={"name": long}))).reason is Reason.INVALID_INPUT


def test_arguments_are_judged_again_in_each_round() -> None:
    before = permitted({"message": 7}, tool({"type": "object", "properties": {"message": {"type": "string"}}}))  # fmt: skip
    call = msgspec.structs.replace(before.call, talk=Talk(state="x"))

    assert denied(msgspec.structs.replace(before, call=call)).reason is Reason.INVALID_INPUT
