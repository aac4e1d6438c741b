"""What callers can call, as the catalogue knows it: to hold policies against it before any call is made."""

import re
from collections.abc import Sequence
from typing import Final, final

import msgspec

from yett.authorization.compile import quote
from yett.authorization.conditions import Uid
from yett.authorization.policies import ANY, Policy
from yett.authorization.port import ResourceType
from yett.authorization.shapes import Shape
from yett.core.target import Access

ARGUMENTS_TEXT: Final = "arguments: {},"
"""Where the schema says that nothing is known of them."""


@final
class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One tool or prompt that was approved. shape: of its arguments."""

    kind: ResourceType
    server: str
    name: str
    access: Access
    shape: Shape

    @property
    def key(self) -> str:
        return f"{self.server}/{self.name}"

    def places(self) -> tuple[Uid, ...]:
        """Return what the head of a policy that is about this can name."""
        return (
            ANY,
            (self.kind, self.key),
            ("Server", self.server),
            (f"is {self.kind}", ""),
            (f"is {self.kind}", self.server),
        )

    def matches(self, policy: Policy) -> bool:
        """Say whether the action of the policy lets it be about this, whoever asks."""
        action = self.access if self.kind == "Tool" else "read"
        return policy.principal is not None and action in policy.actions


def write_schema(fixed: str, offer: Offer) -> str:
    """Return the schema for calls of this alone. fixed: the one that every policy is checked against."""
    typed = f"arguments: {offer.shape.write()},"
    return fixed.replace(ARGUMENTS_TEXT, typed)


def write_shapes(offers: Sequence[Offer]) -> str:
    """Return a type for the arguments of each, by a name that Cedar takes, with the real one in front."""
    lines: list[str] = []
    used: set[str] = set()
    for offer in sorted(offers, key=lambda each: (each.kind, each.key)):
        name = base = "arguments_of_" + re.sub(r"[^A-Za-z0-9]", "_", f"{offer.server}_{offer.name}")
        number = 2
        while name in used:
            name = f"{base}_{number}"
            number += 1
        used.add(name)
        lines.append(
            f"// {offer.kind}::{quote(offer.key)}, {offer.access}{_left_open(offer.shape)}"
        )
        lines.append(f"type {name} = {offer.shape.write()};\n")
    return "\n".join(lines)


def _left_open(shape: Shape) -> str:
    """Say what the type does not."""
    untyped = [quote(name) for name, member in shape.members.items() if not member.type]
    text = f"; of no one type: {', '.join(untyped)}" if untyped else ""
    return text + ("; and others" if shape.open else "")
