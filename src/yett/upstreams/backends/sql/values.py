"""From what a database says to JSON, without altering a value.

What JSON, or a double on the other side, cannot hold exactly becomes a text (RFC 7493, 2.2): whole numbers
beyond 2^53, decimal numbers, NaN and the infinities. Bytes become base64.
"""

import base64
import math
from collections.abc import Callable
from typing import Final

from yett.core.document import DocumentError, parse
from yett.core.target import JSON

_EXACT_MAX: Final = 2**53


def whole(value: int) -> int | str:
    return value if -_EXACT_MAX <= value <= _EXACT_MAX else str(value)


def double(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def octets(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _float_of_text(text: str) -> float | str:
    return double(float(text))


def _whole_of_text(text: str) -> int | str:
    return whole(int(text))


def _octets_of_text(text: str) -> str:
    return octets(bytes.fromhex(text.removeprefix("\\x")))


def _document(text: str) -> JSON:
    """A document that cannot be read without altering it stays a text."""
    try:
        return parse(text.encode())
    except DocumentError:
        return text


def _moment(text: str) -> str:
    """ISO 8601; PostgreSQL writes a space for the T, and sessions are in UTC. What lies before year 1 or is
    infinite stays as PostgreSQL writes it."""
    if text.endswith(("infinity", "BC")):
        return text
    moment = text.replace(" ", "T", 1)
    return f"{moment[:-3]}Z" if moment.endswith("+00") else moment


POSTGRES: Final[dict[str, Callable[[str], JSON]]] = {
    "int2": _whole_of_text,
    "int4": _whole_of_text,
    "int8": _whole_of_text,
    "float4": _float_of_text,
    "float8": _float_of_text,
    "bytea": _octets_of_text,
    "json": _document,
    "jsonb": _document,
    "timestamp": _moment,
    "timestamptz": _moment,
    "numeric": str,
    "date": str,
    "time": str,
    "timetz": str,
    "interval": str,
    "money": str,
    "uuid": str,
    "inet": str,
    "cidr": str,
    "macaddr": str,
    "macaddr8": str,
    "bit": str,
    "varbit": str,
    "xml": str,
    "char": str,
    "point": str,
    "line": str,
    "lseg": str,
    "box": str,
    "path": str,
    "polygon": str,
    "circle": str,
    "tsvector": str,
    "tsquery": str,
    "pg_lsn": str,
}
"""By the name of a type, what its text in PostgreSQL's own form becomes. Types that are not here and are no
arrays of these are read as text by the driver, or refused."""


def of_sqlite(value: object) -> JSON:
    if isinstance(value, bytes):
        return octets(value)
    if isinstance(value, float):
        return double(value)
    return whole(value) if isinstance(value, int) else value


def of_postgres(value: object) -> JSON:
    """Take a value whose parts the functions above have made.

    Raises:
        TypeError: it has no form in JSON: a composite or a range, for example.
    """
    if value is None or isinstance(value, str | int | float | dict):
        return value
    if isinstance(value, list):
        return [of_postgres(part) for part in value]
    raise TypeError
