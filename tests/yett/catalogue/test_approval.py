from typing import Any

import pytest

from tests.yett.catalogue.scene import accept, lock_of, pin, tool
from yett.catalogue.approval import Decision, Proposal, approve, quarantine, review
from yett.catalogue.definitions import examine
from yett.catalogue.lock import Lock, with_pins
from yett.catalogue.pinning import Classes
from yett.catalogue.port import Definitions
from yett.core.errors import CommandError
from yett.core.operations import Kind

OFFER = Definitions(
    tools=(
        tool("now"),
        tool("claims", annotations={"readOnlyHint": True}),
        tool("known"),
        tool("not allowed"),
    ),
    prompts=({"name": "ask"},),
)
SIGHT = examine("s", OFFER, accept)
CLASSES = Classes(operator={"now": "read"}, shipped={"known": "read"})


def decide(lock: Lock, *names: str, **changes: Any) -> dict[str, Decision]:
    chosen = changes.pop("access", None)
    proposal = Proposal(access=chosen, by=changes.pop("by", "cli:anna"), at=changes.pop("at", "t"))
    decisions = review(
        lock, "s", SIGHT, names, **({"classes": CLASSES} | changes), proposal=proposal
    )
    return {decision.name: decision for decision in decisions}


def test_all_that_can_be_approved_is_by_default_and_nobody_is_taken_at_its_word() -> None:
    decisions = decide(Lock())
    assert {
        name: (item.after.access, item.after.access_from) for name, item in decisions.items()
    } == {
        "now": ("read", "operator"),
        "claims": ("write", "default"),
        "known": ("read", "shipped"),
        "ask": ("read", "default"),
    }
    assert [name for name, item in decisions.items() if item.claims_to_read] == ["claims"]
    assert decisions["now"].after.approved_by == "cli:anna"


def test_approving_twice_changes_nothing() -> None:
    once = approve(Lock(), "s", tuple(decide(Lock()).values()))
    again = decide(once, by="cli:other", at="later")
    assert not any(item.is_news for item in again.values())
    assert approve(once, "s", tuple(again.values())) == once


def test_only_what_is_named_is_approved() -> None:
    lock = approve(Lock(), "s", tuple(decide(Lock(), "claims", access="read").values()))
    assert list(lock.servers["s"].tools) == ["claims"]
    assert lock.servers["s"].tools["claims"].access_from == "operator"
    assert lock.servers["s"].prompts == {}


def test_a_changed_definition_keeps_the_class_that_was_given_to_it() -> None:
    old = {"claims": pin("s", tool("claims", "older"), "read")}
    item = decide(with_pins(Lock(), "s", Kind.TOOL, old), "claims")["claims"]
    assert item.is_news
    assert (item.after.access, item.after.access_from) == ("read", "operator")
    assert [change.pointer for change in item.changes] == ["/annotations", "/description"]


def test_a_class_alone_is_news() -> None:
    lock = lock_of("s", Definitions(tools=(OFFER.tools[1],)), "read")
    assert not decide(lock, "claims")["claims"].is_news
    assert decide(lock, "claims", access="write")["claims"].is_news


def test_the_configuration_is_not_contradicted() -> None:
    assert decide(Lock(), "now", access="read")["now"].after.access == "read"
    with pytest.raises(CommandError, match="leave out"):
        decide(Lock(), "now", access="write")


def test_what_is_not_offered_or_cannot_be_taken_is_told() -> None:
    with pytest.raises(CommandError, match="It offers: ask, claims, known, now"):
        decide(Lock(), "later")
    with pytest.raises(CommandError, match="cannot be approved"):
        decide(Lock(), "not allowed")
    proposal = Proposal(access=None, by="x", at="t")
    with pytest.raises(CommandError, match="It offers: nothing"):
        review(Lock(), "s", {}, ["x"], classes=Classes(), proposal=proposal)


def test_quarantine_lasts_until_approved_again() -> None:
    lock = lock_of("s", Definitions(tools=OFFER.tools[:1], prompts=OFFER.prompts))
    out, taken = quarantine(lock, "s", ["now", "now", "ask"])
    assert taken == ("now", "ask")
    assert out.servers["s"].tools["now"].quarantined
    assert out.servers["s"].prompts["ask"].quarantined
    assert quarantine(out, "s", ["now"]) == (out, ())
    item = decide(out, "now")["now"]
    assert item.is_news
    assert not approve(out, "s", (item,)).servers["s"].tools["now"].quarantined


def test_what_was_never_approved_cannot_be_taken_out_of_use() -> None:
    with pytest.raises(CommandError, match="yett tool list"):
        quarantine(Lock(), "s", ["now"])
