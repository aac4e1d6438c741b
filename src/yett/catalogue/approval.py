"""What an operator decides about the definitions of one server. Pure."""

from collections.abc import Sequence
from typing import Final, final

import msgspec

from yett.catalogue.definitions import Offered, Sight
from yett.catalogue.diff import Change, TextFindings, compare, no_findings
from yett.catalogue.findings import Finding, findings_of, is_suspicious, neighbourhood_of
from yett.catalogue.lock import SECTIONS, AccessFrom, Lock, Pin, ServerPins, with_pins
from yett.catalogue.pinning import Classes, claims_to_read, classify, make_pin
from yett.core.errors import CommandError
from yett.core.operations import Kind
from yett.core.target import Access

_NAMES_SHOWN_MAX: Final = 50


@final
class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One definition to approve. before: its pin, if it has one. changes: against that pin.
    claims_to_read: the server says so of a tool that is not classified otherwise. findings: what is
    suspicious about it."""

    kind: Kind
    name: str
    before: Pin | None
    after: Pin
    changes: tuple[Change, ...]
    claims_to_read: bool
    findings: tuple[Finding, ...] = ()

    @property
    def is_news(self) -> bool:
        """Whether approving it changes anything."""
        before = self.before
        return before is None or (
            (before.digest, before.access, before.quarantined)
            != (self.after.digest, self.after.access, False)
        )

    @property
    def is_suspicious(self) -> bool:
        """Whether approving it takes a word more."""
        return is_suspicious(self.findings)


@final
class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """access: the class that the operator gives the tools; None: they keep the one they have. by, at:
    who approves, and when."""

    access: Access | None
    by: str
    at: str


def review(
    lock: Lock,
    server: str,
    sight: Sight,
    names: Sequence[str],
    *,
    classes: Classes,
    proposal: Proposal,
    text_findings: TextFindings = no_findings,
) -> tuple[Decision, ...]:
    """Say what approving would do. names: of tools, prompts, or URIs; none means all that can be
    approved.

    Raises:
        CommandError: a name is not offered or cannot be approved, or `access` contradicts the
            configuration.
    """
    _check_names(server, sight, names)
    pins = lock.servers.get(server, ServerPins())
    tools = sight.get(Kind.TOOL, {})
    neighbourhood = neighbourhood_of(lock, server, ((n, i.definition) for n, i in tools.items()))
    decisions = []
    for kind in SECTIONS:
        for name, item in sorted(sight.get(kind, {}).items()):
            if item.problem or (names and name not in names):
                continue
            found = findings_of(server, kind, name, item.definition, neighbourhood, text_findings)
            before = pins.of(kind).get(name)
            if before is not None and item.means(before.digest):
                item = Offered(before.definition, before.digest)  # noqa: PLW2901 - what is pinned stays
            chosen = _class_of(kind, name, item.definition, before, classes, proposal.access)
            decisions.append(
                Decision(
                    kind=kind,
                    name=name,
                    before=before,
                    after=_pin_of(item, chosen, proposal, found),
                    changes=()
                    if before is None
                    else compare(before.definition, item.definition, text_findings),
                    claims_to_read=chosen[1] == "default" and claims_to_read(item.definition),
                    findings=found,
                )
            )
    return tuple(decisions)


def _pin_of(
    item: Offered,
    chosen: tuple[Access, AccessFrom],
    proposal: Proposal,
    findings: tuple[Finding, ...],
) -> Pin:
    pin = make_pin(item, *chosen, by=proposal.by, at=proposal.at)
    seen = tuple(str(finding) for finding in findings if finding.severity == "high")
    return msgspec.structs.replace(pin, despite=seen)


def approve(lock: Lock, server: str, decisions: Sequence[Decision]) -> Lock:
    """Return the lock with what is news in it; who approved the rest, and when, stays."""
    for decision in decisions:
        if decision.is_news:
            lock = with_pins(lock, server, decision.kind, {decision.name: decision.after})
    return lock


def quarantine(lock: Lock, server: str, names: Sequence[str]) -> tuple[Lock, tuple[str, ...]]:
    """Return the lock with these taken out of use until approved again, and which of them were not.

    Raises:
        CommandError: one is not pinned.
    """
    pins = lock.servers.get(server, ServerPins())
    taken = []
    for name in dict.fromkeys(names):
        found = [(kind, pins.of(kind)[name]) for kind in SECTIONS if name in pins.of(kind)]
        if not found:
            raise CommandError(
                f"`{server}/{name}` is not approved, so there is nothing to take out of use. "
                f"See `yett tool list {server}`"
            )
        for kind, pin in found:
            if not pin.quarantined:
                taken.append(name)
                out = msgspec.structs.replace(pin, quarantined=True)
                lock = with_pins(lock, server, kind, {name: out})
    return lock, tuple(taken)


def _class_of(
    kind: Kind,
    name: str,
    definition: dict[str, object],
    before: Pin | None,
    classes: Classes,
    access: Access | None,
) -> tuple[Access, AccessFrom]:
    configured = classes.operator.get(name)
    if kind is not Kind.TOOL or (configured is not None and access in {None, configured}):
        return classify(kind, name, definition, classes, trusting=False)
    if configured is not None:
        raise CommandError(
            f"The configuration says that `{name}` is `{configured}`. Change it there, or leave out "
            "--access"
        )
    if access is not None:
        return access, "operator"
    if before is not None:
        return before.access, before.access_from
    return classify(kind, name, definition, classes, trusting=False)


def _check_names(server: str, sight: Sight, names: Sequence[str]) -> None:
    for name in names:
        found = [items[name] for items in sight.values() if name in items]
        if not found:
            offered = sorted(
                n for items in sight.values() for n, i in items.items() if not i.problem
            )
            shown = ", ".join(offered[:_NAMES_SHOWN_MAX]) or "nothing"
            raise CommandError(f"Server `{server}` offers no `{name}`. It offers: {shown}")
        for item in found:
            if item.problem:
                raise CommandError(
                    f"`{server}/{name}` cannot be approved: {item.problem}. "
                    "Have the server's author mend it, or leave it out"
                )
