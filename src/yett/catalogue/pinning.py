"""Which class a definition gets, and how it becomes a pin. Pure."""

from collections.abc import Mapping
from typing import Final, final

import msgspec

from yett.catalogue.definitions import IDENTITY, Offered, Sight, digest_of
from yett.catalogue.diff import TextFindings, compare, no_findings, summarise
from yett.catalogue.findings import findings_of, is_suspicious, neighbourhood_of
from yett.catalogue.lock import SECTIONS, AccessFrom, Lock, Pin, ServerPins, damaged, with_pins
from yett.catalogue.meaning import same_meaning
from yett.core.operations import Kind
from yett.core.target import JSON, Access

FIRST_SIGHT: Final = "yett: first sight"


@final
class Classes(msgspec.Struct, frozen=True):
    """What is known of the tools of one server: what the operator says, and what a shipped entry says."""

    operator: Mapping[str, Access] = {}
    shipped: Mapping[str, Access] = {}


def classify(
    kind: Kind, name: str, definition: Mapping[str, JSON], classes: Classes, *, trusting: bool
) -> tuple[Access, AccessFrom]:
    """trusting: take the server's own word that a tool only reads (development, at first sight)."""
    if kind is not Kind.TOOL:
        return "read", "default"
    if name in classes.operator:
        return classes.operator[name], "operator"
    if name in classes.shipped:
        return classes.shipped[name], "shipped"
    if trusting and claims_to_read(definition):
        return "read", "annotation"
    return "write", "default"


def claims_to_read(definition: Mapping[str, JSON]) -> bool:
    annotations = definition.get("annotations")
    return isinstance(annotations, dict) and annotations.get("readOnlyHint") is True


def pin_first_sight(
    lock: Lock,
    server: str,
    sight: Sight,
    classes: Classes,
    at: str,
    text_findings: TextFindings = no_findings,
) -> Lock:
    """Pin all that a server without an entry offers; a server that has one is left as it is. What is
    suspicious is pinned as out of use, until a person approves it."""
    if server in lock.servers:
        return lock
    tools = sight.get(Kind.TOOL, {})
    neighbourhood = neighbourhood_of(lock, server, ((n, i.definition) for n, i in tools.items()))
    for kind, offered in sight.items():
        pins = {}
        for name, item in offered.items():
            if item.problem:
                continue
            access, access_from = classify(kind, name, item.definition, classes, trusting=True)
            found = findings_of(server, kind, name, item.definition, neighbourhood, text_findings)
            pin = make_pin(item, access, access_from, by=FIRST_SIGHT, at=at)
            pins[name] = msgspec.structs.replace(pin, quarantined=is_suspicious(found))
        if pins:
            lock = with_pins(lock, server, kind, pins)
    return lock


def recognise(sight: Sight, pins: ServerPins, text_findings: TextFindings) -> Sight:
    """Note of each definition that differs from its pin whether only in harmless things, or else how."""
    return {
        kind: {
            name: _recognised(item, pins.of(kind).get(name), text_findings)
            for name, item in offered.items()
        }
        for kind, offered in sight.items()
    }


def _recognised(item: Offered, pin: Pin | None, text_findings: TextFindings) -> Offered:
    if pin is None or item.problem or item.digest == pin.digest:
        return item
    if same_meaning(pin.definition, item.definition):
        return msgspec.structs.replace(item, like=pin.digest)
    changes = compare(pin.definition, item.definition, text_findings)
    return msgspec.structs.replace(item, changed=(pin.digest, summarise(changes)))


def make_pin(offered: Offered, access: Access, access_from: AccessFrom, *, by: str, at: str) -> Pin:
    return Pin(
        digest=offered.digest,
        access=access,
        access_from=access_from,
        approved_by=by,
        approved_at=at,
        definition=offered.definition,
    )


def check_lock(lock: Lock, file: str) -> Lock:
    """Return the lock if every pin is what its digest says (a bad merge, or a hand that slipped).

    Raises:
        ConfigurationError: one is not.
    """
    for server, entry in lock.servers.items():
        for kind in SECTIONS:
            for name, pin in entry.of(kind).items():
                if not _is_whole(server, kind, name, pin):
                    raise damaged(
                        file, f"`{server}/{name}` does not fit its digest, so it was edited by hand"
                    )
    return lock


def _is_whole(server: str, kind: Kind, name: str, pin: Pin) -> bool:
    if pin.definition.get(IDENTITY[kind]) != name:
        return False
    return digest_of(server, pin.definition) == pin.digest
