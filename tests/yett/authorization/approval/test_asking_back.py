"""The person at the caller is asked where a policy lets it, about this very call, and nobody else's answer
counts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.yett.authorization.approval.asking import ANNA, Office, validated
from tests.yett.authorization.asking import principal
from yett.core.errors import Denied
from yett.core.proofs import Agreement, Ask, Validated
from yett.core.reasons import Reason
from yett.core.rounds import OF_GATE, purpose_of
from yett.core.seal import SealError
from yett.core.talk import Resumption, Talk

OWN = Ask(("careful",), shown="Deleting needs a yes", own=True)
FORMS: dict[str, Any] = {"elicitation": {}}
ACCEPT = {"action": "accept", "content": {"agree": True}}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    found = Office(tmp_path / "data")
    yield found
    found.close()


def spoken(
    what: Validated | None = None,
    capabilities: dict[str, Any] | None = None,
    consent: Resumption | None = None,
) -> Validated:
    """The same call of a caller that declares what it can be asked."""
    what = what or validated()
    talk = Talk(capabilities=FORMS if capabilities is None else capabilities)
    call = msgspec.structs.replace(what.permitted.call, talk=talk)
    permitted = msgspec.structs.replace(what.permitted, call=call)
    return msgspec.structs.replace(what, permitted=permitted, consent=consent)


async def asked(office: Office, what: Validated | None = None) -> tuple[str, dict[str, Any]]:
    """Make a call; return the id of the question and what the caller is asked."""
    denied = await office.make(what or spoken(), OWN)
    assert isinstance(denied, Denied)
    assert denied.approval is not None
    assert denied.question is not None
    return denied.approval, denied.question


def brought(identifier: str, answer: Any, what: Validated | None = None) -> Validated:
    """The call with an answer, as validation lets it pass once the state has opened."""
    inputs = {} if answer is None else {"approval": answer}
    return spoken(what, consent=Resumption(inputs, state=OF_GATE + identifier, seal="s"))


async def test_who_accepts_and_ticks_the_box_is_the_one_who_agreed(office: Office) -> None:
    identifier, question = await asked(office)
    (form,) = question["inputRequests"].values()
    assert 'github/search with:\n{"title":"a"}' in form["params"]["message"]

    agreement = await office.make(brought(identifier, ACCEPT), OWN)
    assert agreement == Agreement(identifier, ("the person at laptop",))
    assert isinstance(await office.make(brought(identifier, ACCEPT), OWN), Denied)  # once


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"action": "decline"}, Reason.APPROVAL_DENIED),
        ({"action": "accept"}, Reason.APPROVAL_DENIED),
        ({"action": "accept", "content": {"agree": False}}, Reason.APPROVAL_DENIED),
        ({"action": "accept", "content": {"agree": "true"}}, Reason.APPROVAL_DENIED),
        ({"action": "accept", "content": {"agree": 1}}, Reason.APPROVAL_DENIED),
        ({"action": "cancel"}, Reason.APPROVAL_REQUIRED),
        ({"action": "yes", "content": {"agree": True}}, Reason.APPROVAL_REQUIRED),
        (None, Reason.APPROVAL_REQUIRED),
    ],
)
async def test_nothing_else_is_a_yes_and_nobody_is_asked_again_and_again(
    answer: Any, reason: Reason, office: Office
) -> None:
    identifier, _ = await asked(office)
    denied = await office.make(brought(identifier, answer), OWN)

    assert isinstance(denied, Denied)
    assert (denied.reason, denied.question) == (reason, None)


async def test_an_answer_counts_for_its_own_question_only(office: Office) -> None:
    identifier, _ = await asked(office)
    other, _ = await asked(office, spoken(validated({"title": "b"})))
    strangers = [
        brought(other, ACCEPT),
        brought(identifier, ACCEPT, validated({"title": "b"})),
        brought(identifier, ACCEPT, validated(who=principal("writer", key="k2"))),
        brought(identifier, ACCEPT, validated(version="v2")),
        brought("apr_none", ACCEPT),
    ]
    for stranger in strangers:
        assert isinstance(await office.make(stranger, OWN), Denied)
    states = {row["state"] for row in office.registry.list()}
    assert states == {"pending"}


async def test_who_is_not_trusted_by_the_policies_is_not_asked_and_not_heard(
    office: Office,
) -> None:
    for ask in (Ask(("careful",)), Ask(("careful",), people=2)):
        denied = await office.make(spoken(), ask)
        assert isinstance(denied, Denied)
        assert denied.question is None
        answered = await office.make(brought(denied.approval or "", ACCEPT), ask)
        assert isinstance(answered, Denied)
        assert answered.reason is Reason.APPROVAL_REQUIRED


@pytest.mark.parametrize(
    "capabilities", [{}, {"elicitation": {"url": {}}}, {"elicitation": None}, {"sampling": {}}]
)
async def test_who_shows_no_forms_is_not_asked(
    capabilities: dict[str, Any], office: Office
) -> None:
    denied = await office.make(spoken(capabilities=capabilities), OWN)
    assert isinstance(denied, Denied)
    assert denied.question is None
    assert (await office.make(validated(), OWN)).question is None  # type: ignore[union-attr]  # refused, as above


async def test_what_was_answered_elsewhere_meanwhile_holds(office: Office) -> None:
    identifier, _ = await asked(office)
    office.registry.deny(identifier, ANNA)
    denied = await office.make(brought(identifier, ACCEPT), OWN)
    assert isinstance(denied, Denied)
    assert denied.reason is Reason.APPROVAL_DENIED


async def test_the_state_opens_for_this_caller_and_this_call_only(office: Office) -> None:
    identifier, question = await asked(office)
    state, mine = question["requestState"], spoken()
    purpose = purpose_of(mine.permitted, mine.encoded)
    opened = office.sealer.open(state, owner="k1", purpose=purpose)
    assert opened["state"] == OF_GATE + identifier
    for owner, other in (("k2", mine), ("k1", spoken(validated({"title": "b"})))):
        with pytest.raises(SealError):
            office.sealer.open(
                state, owner=owner, purpose=purpose_of(other.permitted, other.encoded)
            )


async def test_a_long_preview_says_so_in_the_form_as_well(office: Office) -> None:
    _, question = await asked(office, spoken(validated({"text": "x" * 9_000})))
    message = question["inputRequests"]["approval"]["params"]["message"]
    assert "THIS IS ONLY THE BEGINNING of 9011 bytes" in message
    assert len(message) < 5_000
