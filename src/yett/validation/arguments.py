"""Caps on what arguments may be, whatever the schema says (CWE-770)."""

from collections.abc import Iterable
from typing import Final

from yett.core.bounds import (
    ARGUMENT_ARRAY_ITEMS_MAX,
    ARGUMENT_BYTES_MAX,
    ARGUMENT_DEPTH_MAX,
    ARGUMENT_OBJECT_KEYS_MAX,
    ARGUMENT_STRING_CHARS_MAX,
)
from yett.core.document import DocumentError, check_depth, encode
from yett.core.pointer import join_pointer
from yett.core.target import JSON

FLAT_NODES: Final = 17
FLAT_KEYS: Final = FLAT_NODES - 1
FLAT_BYTES: Final = ARGUMENT_STRING_CHARS_MAX
"""Encoded. No character takes less than a byte, so no text is too long in what is no longer."""
CONTAINERS: Final = frozenset({dict, list})
_TOO_LONG: Final = f"is longer than {ARGUMENT_STRING_CHARS_MAX} characters"
_TOO_MANY_BYTES: Final = f"is more than {ARGUMENT_BYTES_MAX} bytes"

# Escaped, one character is at most six bytes; an integer has at most 308 digits.
_BYTES_OF_A_CHARACTER: Final = 6
_BYTES_OF_A_NUMBER: Final = 320


class ArgumentsTooLarge(ValueError):
    """A cap is exceeded. pointer: RFC 6901, where; the message says which cap and quotes nothing."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.pointer = pointer_to(path)
        self.message = message


def is_small(arguments: dict[str, JSON]) -> bool:
    """Tell whether these are few, short and without nesting, which implies every cap below."""
    return (
        len(arguments) <= FLAT_KEYS
        and CONTAINERS.isdisjoint(map(type, arguments.values()))
        and len(encode(arguments)) <= FLAT_BYTES
    )


def estimate(arguments: dict[str, JSON]) -> tuple[int, int] | None:
    """Return upper bounds of (number of values, depth) if the encoded form implies every cap below.

    In compact JSON a value follows a comma or opens a container, so counting bytes bounds all else.
    None: only `measure` can tell.
    """
    if not any(isinstance(value, (dict, list)) for value in arguments.values()):
        return None  # one long text is measured faster than encoded
    encoded = encode(arguments)
    commas = encoded.count(b",")
    if len(encoded) > ARGUMENT_STRING_CHARS_MAX or commas >= ARGUMENT_OBJECT_KEYS_MAX:
        return None
    opened = encoded.count(b"{") + encoded.count(b"[")
    if opened > ARGUMENT_DEPTH_MAX and not _is_shallow(arguments):
        return None
    return commas + opened + 1, min(opened, ARGUMENT_DEPTH_MAX)


def _is_shallow(arguments: dict[str, JSON]) -> bool:
    try:
        # An empty list at the deepest level is one more container and no deeper value.
        check_depth(arguments, ARGUMENT_DEPTH_MAX)
    except DocumentError:
        return False
    return True


def measure(arguments: dict[str, JSON]) -> tuple[int, int]:
    """Return (number of values, depth), the arguments themselves included.

    Raises:
        ArgumentsTooLarge: a cap is exceeded.
    """
    level: list[JSON] = [arguments]
    nodes, depth, bytes_at_most = 1, 0, 0
    while level:
        inside, key_chars = _open(level, arguments)
        nodes += len(inside)
        depth += 1 if inside else 0
        # Each value costs two bytes at least, so this ends before much is looked at.
        if 2 * nodes > ARGUMENT_BYTES_MAX:
            raise ArgumentsTooLarge((), _TOO_MANY_BYTES)
        if depth > ARGUMENT_DEPTH_MAX:
            where = _path_to(inside[0], arguments)
            raise ArgumentsTooLarge(where, f"is nested deeper than {ARGUMENT_DEPTH_MAX}")
        chars = key_chars + _count_characters(inside, arguments)
        bytes_at_most += chars * _BYTES_OF_A_CHARACTER
        level = [value for value in inside if isinstance(value, (dict, list))]
    bytes_at_most += nodes * _BYTES_OF_A_NUMBER
    if bytes_at_most > ARGUMENT_BYTES_MAX and len(encode(arguments)) > ARGUMENT_BYTES_MAX:
        raise ArgumentsTooLarge((), _TOO_MANY_BYTES)
    return nodes, depth


def extent(value: JSON) -> tuple[int, int]:
    """Return (number of values, depth) without any cap."""
    level: list[JSON] = [value]
    nodes, depth = 0, -1
    while level:
        nodes += len(level)
        depth += 1
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return nodes, depth


def pointer_to(path: Iterable[str | int]) -> str:
    """Return the JSON Pointer (RFC 6901); a long name is cut."""
    return join_pointer(str(part)[:200] for part in path)


def _open(containers: list[JSON], arguments: JSON) -> tuple[list[JSON], int]:
    """Return what is inside, and the number of characters in keys."""
    inside: list[JSON] = []
    key_chars = 0
    for container in containers:
        problem = _problem_of_container(container)
        if problem:
            raise ArgumentsTooLarge(_path_to(container, arguments), problem)
        if isinstance(container, dict):
            inside += container.values()
            key_chars += sum(map(len, container))
        else:
            inside += container
    return inside, key_chars


def _count_characters(values: list[JSON], arguments: JSON) -> int:
    chars = 0
    for value in values:
        if isinstance(value, str):
            if len(value) > ARGUMENT_STRING_CHARS_MAX:
                raise ArgumentsTooLarge(_path_to(value, arguments), _TOO_LONG)
            chars += len(value)
    return chars


def _problem_of_container(container: JSON) -> str | None:
    if isinstance(container, list):
        if len(container) > ARGUMENT_ARRAY_ITEMS_MAX:
            return f"has more than {ARGUMENT_ARRAY_ITEMS_MAX} items"
    elif len(container) > ARGUMENT_OBJECT_KEYS_MAX:
        return f"has more than {ARGUMENT_OBJECT_KEYS_MAX} keys"
    elif container and max(map(len, container)) > ARGUMENT_STRING_CHARS_MAX:
        return f"has a key that {_TOO_LONG}"
    return None


def _path_to(sought: JSON, arguments: JSON) -> tuple[str | int, ...]:
    """Find the place of one value again; only on the way to a refusal."""
    level: list[tuple[tuple[str | int, ...], JSON]] = [((), arguments)]
    while level:
        for path, value in level:
            if value is sought:
                return path
        level = [
            ((*path, name), item)
            for path, value in level
            if isinstance(value, (dict, list))
            for name, item in (value.items() if isinstance(value, dict) else enumerate(value))
        ]
    return ()
