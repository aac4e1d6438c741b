"""What of one server may be used: its pins held against what it shows now. Pure."""

from collections.abc import Mapping
from typing import Final, Literal, final

import msgspec

from yett.catalogue.definitions import Offered, Sight
from yett.catalogue.lock import SECTIONS, Pin, ServerPins
from yett.catalogue.names import Template, public_name, public_template, public_uri
from yett.core.aliases import alias_of
from yett.core.operations import Kind
from yett.core.target import Access, Target

State = Literal["approved", "quarantined", "missing", "appeared", "refused"]
"""quarantined: differs from its pin, or the operator says so. missing: pinned, no longer shown.
appeared: shown, not pinned. refused: shown, not pinned, and cannot be."""

KINDS: Final = tuple(SECTIONS)


@final
class Board(msgspec.Struct, frozen=True):
    """targets: by kind and own name, quarantined ones too. listed: those in use, in order.
    templates: how to read resources that no list names. aliases: tools that model providers call by
    another name. states: for reports."""

    targets: dict[Kind, dict[str, Target]]
    listed: dict[Kind, tuple[Target, ...]]
    templates: tuple[tuple[Template, Target], ...]
    aliases: dict[str, Target]
    states: dict[tuple[Kind, str], State]


def make_board(
    server: str, pins: ServerPins | None, sight: Sight, operator: Mapping[str, Access]
) -> Board:
    """operator: what the configuration says of the tools; it prevails over the pinned class."""
    pins = pins or ServerPins()
    targets: dict[Kind, dict[str, Target]] = {}
    states: dict[tuple[Kind, str], State] = {}
    for kind in KINDS:
        targets[kind] = {}
        offered = sight.get(kind, {})
        for name, pin in sorted(pins.of(kind).items()):
            item = offered.get(name)
            if item is None:
                states[kind, name] = "missing"
                continue
            changed = pin.quarantined or item.problem != "" or not item.means(pin.digest)
            states[kind, name] = "quarantined" if changed else "approved"
            access = operator.get(name, pin.access) if kind is Kind.TOOL else "read"
            targets[kind][name] = _target(kind, server, name, pin, access, quarantined=changed)
        for name in offered.keys() - pins.of(kind).keys():
            states[kind, name] = "refused" if offered[name].problem else "appeared"
    listed = {
        kind: tuple(target for target in targets[kind].values() if not target.quarantined)
        for kind in KINDS
    }
    # Those in use first: a quarantined template must not hide a good one that matches too.
    by_use = sorted(targets[Kind.RESOURCE_TEMPLATE].values(), key=lambda target: target.quarantined)
    templates = tuple((Template(target.name), target) for target in by_use)
    aliases = {
        alias: target
        for target in targets[Kind.TOOL].values()
        if (alias := alias_of(target.public_name)) != target.public_name
    }
    return Board(targets, listed, templates, aliases, states)


def board_of_pins(server: str, pins: ServerPins, operator: Mapping[str, Access]) -> Board:
    """Return what is approved of a server that nobody could ask yet, so that its tools are not gone."""
    sight: Sight = {
        kind: {name: Offered(pin.definition, pin.digest) for name, pin in pins.of(kind).items()}
        for kind in KINDS
    }
    return make_board(server, pins, sight, operator)


def pinned_target(
    kind: Kind,
    server: str,
    name: str,
    pin: Pin,
    operator: Mapping[str, Access],
    *,
    unreachable: str,
) -> Target:
    """Make the target of a pin that could not be held against what its server shows."""
    access = operator.get(name, pin.access) if kind is Kind.TOOL else "read"
    target = _target(kind, server, name, pin, access, quarantined=pin.quarantined)
    return msgspec.structs.replace(target, unreachable=unreachable)


def _target(
    kind: Kind, server: str, name: str, pin: Pin, access: Access, *, quarantined: bool
) -> Target:
    match kind:
        case Kind.RESOURCE:
            public = public_uri(server, name)
        case Kind.RESOURCE_TEMPLATE:
            public = public_template(server, name)
        case _:
            public = public_name(server, name)
    return Target(
        kind=kind,
        server=server,
        name=name,
        public_name=public,
        access=access,
        digest=pin.digest,
        definition=pin.definition,
        quarantined=quarantined,
    )
