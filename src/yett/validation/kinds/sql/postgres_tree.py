"""Statements of PostgreSQL as its own parser sees them (libpg_query): read, walk, compare, write."""

from collections.abc import Iterator
from typing import Any, Final

import postgast
from google.protobuf.message import DecodeError

from yett.validation.kinds.port import Unfit

Tree = Any
"""A message of `pg_query.proto`."""

PIECES_MAX: Final = 3_000
_NESTED: Final = "is nested too deep"
_EXTENTS: Final = ("stmt_len", "list_start", "list_end", "rexpr_list_start", "rexpr_list_end")


def parse(text: str) -> Tree:
    """text: has passed `check_text`, so that the parser's stack and time are bounded.

    Raises:
        Unfit: PostgreSQL could not parse it, or it is nested deeper than anybody writes.
    """
    try:
        return postgast.parse(text)
    except postgast.PgQueryError as error:
        said = _NESTED if "memory exhausted" in error.message else "is no statement of PostgreSQL"
        raise Unfit(said) from None
    except (DecodeError, RecursionError):  # a hundred levels of messages
        raise Unfit(_NESTED) from None


def write(tree: Tree) -> str:
    """Return the tree as text without comments that parses to the same tree.

    Raises:
        Unfit: it does not.
    """
    try:
        text: str = postgast.deparse(tree)
        again = postgast.parse(text)
    except (postgast.PgQueryError, DecodeError, RecursionError):
        raise Unfit("cannot be written anew") from None
    if not is_same(again, tree):
        raise Unfit("cannot be written anew with the same meaning")
    return text


def is_same(one: Tree, other: Tree) -> bool:
    """Tell whether two trees differ in nothing but where things stand in the text."""
    return _without_places(one) == _without_places(other)


def _without_places(tree: Tree) -> bytes:
    copied = type(tree)()
    copied.CopyFrom(tree)
    for message in walk(copied):
        places = _PLACES.get(type(message))
        for name in _places_of(message) if places is None else places:
            message.ClearField(name)
    return bytes(copied.SerializeToString(deterministic=True))


_PLACES: Final[dict[type, tuple[str, ...]]] = {}
"""By the type of a message: its fields that say where something stands."""


def _places_of(message: Tree) -> tuple[str, ...]:
    names = (field.name for field in message.DESCRIPTOR.fields)
    places = tuple(name for name in names if name.endswith("location") or name in _EXTENTS)
    _PLACES[type(message)] = places
    return places


def walk(tree: Tree) -> Iterator[Tree]:
    """Yield every message but the `Node`s that only hold another, the tree itself first."""
    waiting = [tree]
    while waiting:
        message = waiting.pop()
        yield message
        waiting.extend(below(message))


def below(message: Tree) -> list[Tree]:
    """Return the messages right below, looking through `Node`s."""
    shape = _SHAPES.get(type(message))
    found: list[Tree] = []
    for name, repeated, held in _shape_of(message) if shape is None else shape:
        if repeated:
            parts = getattr(message, name)
            found.extend(filter(None, map(inner, parts)) if held else parts)
        elif message.HasField(name):
            part = getattr(message, name)
            part = inner(part) if held else part
            if part is not None:
                found.append(part)
    return found


def right_below(message: Tree) -> list[Tree]:
    """Return the messages right below, `Node`s included."""
    found: list[Tree] = []
    shape = _SHAPES.get(type(message))
    for name, repeated, _ in _shape_of(message) if shape is None else shape:
        if repeated:
            found.extend(getattr(message, name))
        elif message.HasField(name):
            found.append(getattr(message, name))
    return found


_SHAPES: Final[dict[type, tuple[tuple[str, bool, bool], ...]]] = {}
"""By the type of a message: each field that holds messages, is there more than one, and are they `Node`s."""


def _shape_of(message: Tree) -> tuple[tuple[str, bool, bool], ...]:
    shape = tuple(
        (field.name, field.is_repeated, field.message_type.name == "Node")
        for field in message.DESCRIPTOR.fields
        if field.message_type is not None
    )
    _SHAPES[type(message)] = shape
    return shape


def inner(node: Tree) -> Tree:
    """Return what a `Node` holds; None: nothing."""
    which = node.WhichOneof("node")
    return None if which is None else getattr(node, which)


def texts(nodes: Tree) -> list[str]:
    """Return the strings of a list of `Node`s; "" for what is none."""
    return [node.string.sval if node.HasField("string") else "" for node in nodes]
