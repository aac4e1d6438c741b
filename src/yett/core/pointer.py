"""JSON Pointers (RFC 6901): where in a document a value stands, as a text and as names. Pure."""

from collections.abc import Iterable


def join_pointer(names: Iterable[str]) -> str:
    """Return the pointer; empty for the whole document."""
    return "".join(f"/{name.replace('~', '~0').replace('/', '~1')}" for name in names)


def split_pointer(pointer: str) -> tuple[str, ...]:
    """Return the names. pointer: empty, or with `/` in front; what stands before that is left out."""
    return tuple(name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:])
