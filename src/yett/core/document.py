"""The one parse, for documents from either side: strict, bounded, and never altering a value.

A compact document that encodes back to its own bytes can hold no duplicate key, no odd escape and
no number that was changed on the way in, so orjson alone settles nearly every call in half a
microsecond; likewise one that does so once its white space is gone. Only the others meet the slow,
exact parser. No document holds so many values that making them would stop everybody else: the loop
is shared by all callers.
"""

import json
from decimal import Decimal, InvalidOperation
from typing import Final, NoReturn

import msgspec
import orjson

from yett.core.bounds import (
    DOCUMENT_DEPTH_MAX,
    DOCUMENT_ODD_VALUES_MAX,
    DOCUMENT_VALUES_MAX,
    INTEGER_DIGITS_MAX,
)
from yett.core.target import JSON

_SHORTEST_TOO_DEEP: Final = 2 * (DOCUMENT_DEPTH_MAX + 1)
"""Each object or array costs two bytes, so a shorter document need not be looked at."""
_LONG: Final = 4096


class DocumentError(ValueError):
    """The bytes are not one unambiguous JSON document within bounds. The message quotes nothing."""


def parse(body: bytes, trusted: bool = False) -> JSON:  # noqa: FBT001, FBT002 - keywords cost each call
    """Return the value of a UTF-8 JSON document (RFC 8259). trusted: of the operator's own, so that it
    may hold any number of values.

    Raises:
        DocumentError: not JSON, not UTF-8, a BOM, a duplicate key, NaN or infinity, a lone
            surrogate, a number that cannot be kept exactly, nested too deep, or too many values.
    """
    if len(body) > DOCUMENT_VALUES_MAX and not trusted:
        _check_count(body, DOCUMENT_VALUES_MAX)
    try:
        value = orjson.loads(body)
        encoded = orjson.dumps(value)
        # Without white space, which means nothing, most documents that are laid out are compact.
        if encoded != body and msgspec.json.format(body, indent=-1) != encoded:
            if len(body) > DOCUMENT_ODD_VALUES_MAX and not trusted:
                _check_count(body, DOCUMENT_ODD_VALUES_MAX)
            value = _parse_exactly(body)
    except (ValueError, TypeError, RecursionError) as error:
        raise error if isinstance(error, DocumentError) else DocumentError("not JSON") from None
    if len(body) >= _SHORTEST_TOO_DEEP and (
        body.count(b"[") + body.count(b"{") > DOCUMENT_DEPTH_MAX
        if len(body) < _LONG
        else _may_be_deep(body)
    ):
        check_depth(value, DOCUMENT_DEPTH_MAX)
    return value


def parse_compact(part: bytes, above: int = 1) -> JSON:
    """Return the value of a document that stands in another and is, byte for byte, what `encode` writes of it.
    None: it is not. `parse` tells of the whole what is true of it. above: containers that it stands in.

    Raises:
        DocumentError: nested too deep, or too many values.
    """
    if len(part) > DOCUMENT_VALUES_MAX:
        _check_count(part, DOCUMENT_VALUES_MAX)
    try:
        value = orjson.loads(part)
        if orjson.dumps(value) != part:
            return None
    except (ValueError, TypeError, RecursionError):
        return None
    if len(part) + 2 * above >= _SHORTEST_TOO_DEEP and _may_be_deep(part):
        check_depth(value, DOCUMENT_DEPTH_MAX - above)
    return value


def encode(value: JSON) -> bytes:
    """Return compact UTF-8 JSON. Integers of any size are kept."""
    try:
        return orjson.dumps(value)
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode()


def check_depth(value: JSON, depth_max: int) -> None:
    """Count objects and arrays inside one another, without recursion; a bare string has depth 0.

    Raises:
        DocumentError: nested deeper than `depth_max`.
    """
    level: list[JSON] = [value] if isinstance(value, (dict, list)) else []
    for _ in range(depth_max + 1):
        if not level:
            return
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list))
        ]
    raise DocumentError(f"nested deeper than {depth_max}")


def _check_count(body: bytes, values_max: int) -> None:
    """Count what stands outside of strings, before anything is made of it (CWE-770).

    In what is no JSON the count means nothing, and nothing follows from it but another refusal.
    """
    if _marks(body) < values_max:
        return
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")  # from here on, a quote ends a string
    if plain.count(b'"') > 4 * values_max or _marks(b"".join(plain.split(b'"')[::2])) >= values_max:
        raise DocumentError(f"more than {values_max} values")


def _may_be_deep(body: bytes) -> bool:
    """Tell whether enough is opened in it. To search for the next is ten times faster than to count all."""
    for mark in (b"[", b"{"):
        place = -1
        for _ in range(DOCUMENT_DEPTH_MAX // 2):
            place = body.find(mark, place + 1)
            if place < 0:
                break
        else:
            return True
    return False


def _marks(text: bytes) -> int:
    """Each value but the first follows a comma or opens a container."""
    return len(text) - len(text.translate(None, b",[{"))


def _parse_exactly(body: bytes) -> JSON:
    value = json.loads(
        body.decode("utf-8"),
        object_pairs_hook=_unique,
        parse_constant=_refuse_constant,
        parse_float=_exact_float,
        parse_int=_exact_integer,
    )
    encode(value)  # raises on a lone surrogate
    return value


def _unique(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise DocumentError("duplicate key")
    return unique


def _refuse_constant(_: str) -> NoReturn:
    raise DocumentError("NaN or infinity")


def _exact_integer(text: str) -> int:
    # `-0` becomes 0: it stays an integer, so that a server that insists on one still reads it.
    if len(text.removeprefix("-")) > INTEGER_DIGITS_MAX:
        raise DocumentError("integer with too many digits")
    return int(text)


# A double holds every decimal of up to 15 digits without exponent (IEEE 754, DBL_DIG).
_DIGITS_ALWAYS_EXACT: Final = 15


def _exact_float(text: str) -> float:
    """Keep a number only if the double that stands for it means the same decimal."""
    number = float(text)
    if len(text) <= _DIGITS_ALWAYS_EXACT and "e" not in text and "E" not in text:
        return number
    try:
        if Decimal(repr(number)) == Decimal(text):
            return number
    except InvalidOperation:
        pass
    raise DocumentError("number that a double cannot hold")
