"""Where a store of Yett's own is, as the operator writes it. Pure; the secret stands elsewhere.

postgresql://USER@HOST[:PORT]/DATABASE[?sslmode=verify-full]
valkey://HOST[:PORT][/NUMBER]       valkeys:// with TLS; redis:// and rediss:// mean the same
"""

import ipaddress
import re
from typing import Final, final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_POSTGRES: Final = frozenset({"postgresql", "postgres"})
_PLAIN: Final = frozenset({"valkey", "redis"})
_TLS: Final = frozenset({"valkeys", "rediss"})
_VERIFIED: Final = [("sslmode", "verify-full")]
_DATABASES_MAX: Final = 65_536


@final
class Address(msgspec.Struct, frozen=True):
    """name: of the database, or its number. tls: the server's certificate is verified; never false
    beyond this machine."""

    host: str
    port: int
    user: str
    name: str
    tls: bool

    def __str__(self) -> str:
        return f"{self.host}:{self.port}/{self.name}"


def parse_storage(text: str) -> Address:
    """Read where a PostgreSQL database is.

    Raises:
        ValueError: it is no such address, holds a password, or asks for weaker TLS.
    """
    scheme, host, port, user, path, query = _split(text)
    if scheme not in _POSTGRES:
        raise ValueError("the address is not one of PostgreSQL: postgresql://USER@HOST/DATABASE")
    if not host or not path or "/" in path:
        raise ValueError("the address does not name a host and a database")
    asked = parse_qsl(query, keep_blank_values=True)
    if asked and asked != _VERIFIED:
        raise ValueError(
            "the address has parameters that mean nothing here; sslmode=verify-full is the only one,"
            " and beyond this machine it always holds"
        )
    return Address(host, port or 5432, user or "yett", path, bool(asked) or not is_loopback(host))


def parse_counters(text: str) -> Address:
    """Read where a Valkey or Redis is.

    Raises:
        ValueError: it is no such address, holds a password, or is plain beyond this machine.
    """
    scheme, host, port, user, path, query = _split(text)
    if scheme not in _PLAIN | _TLS:
        raise ValueError("the address is not one of Valkey or Redis: valkeys://HOST:PORT")
    if not host or query:
        raise ValueError("the address does not name a host alone")
    number = path or "0"
    if not number.isdecimal() or int(number) >= _DATABASES_MAX:
        raise ValueError("a database of Valkey or Redis is a number")
    tls = scheme in _TLS
    if not tls and not is_loopback(host):
        raise ValueError(
            "the connection would be plain beyond this machine; write valkeys:// (or rediss://)"
        )
    return Address(host, port or 6379, user, str(int(number)), tls)


def is_loopback(host: str) -> bool:
    """Tell whether a plain connection to it stays on this machine; a name is no proof of that, but for
    `localhost`, which is never looked up (RFC 6761, 6.3)."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(text: str) -> tuple[str, str, int | None, str, str, str]:
    # The text is in no message: it may hold a password.
    if not _VISIBLE.fullmatch(text):  # before urlsplit, which quietly removes line ends
        raise ValueError("the address is empty or holds characters that must be percent-encoded")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("the address cannot be read") from None
    if parts.password is not None:
        raise ValueError(
            "the address holds a password, and addresses end in logs; write it into a file that only"
            " Yett's user may read, and password: file:/path"
        )
    if parts.fragment:
        raise ValueError("the address has a part behind `#`, which means nothing")
    user, path = unquote(parts.username or ""), unquote(parts.path.removeprefix("/"))
    return parts.scheme, parts.hostname or "", port, user, path, parts.query
