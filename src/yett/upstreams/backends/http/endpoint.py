"""The operator's URL, taken apart once, and the rule where it may lead. Pure."""

import ipaddress
import re
from typing import Final, final
from urllib.parse import urlsplit

import msgspec

from yett.core.errors import ConfigurationError, Problem

_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_PORTS: Final = {"http": 80, "https": 443}


@final
class Endpoint(msgspec.Struct, frozen=True):
    """host: as a name or a bare address, lower case. target: path and query. authority: for `Host`."""

    secure: bool
    host: str
    port: int
    authority: bytes
    target: bytes


def parse_endpoint(url: str) -> Endpoint:
    """Raises:
    ConfigurationError: not an absolute http(s) URL, or one with user information or a fragment.
    """
    if not _VISIBLE.fullmatch(url):  # before urlsplit, which quietly removes line ends
        raise _problem("is empty or holds characters that a URL must not hold")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _problem("is not a URL") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise _problem("is not an http:// or https:// URL")
    if parts.username is not None or "#" in url:
        raise _problem("holds a user name, a password or a fragment")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.hostname
    name = f"[{host}]" if ":" in host else host
    authority = name if port is None else f"{name}:{port}"
    return Endpoint(
        secure=parts.scheme == "https",
        host=host,
        port=port if port is not None else _PORTS[parts.scheme],
        authority=authority.encode(),
        target=target.encode(),
    )


def is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _problem(what: str) -> ConfigurationError:
    # The URL is not repeated: it may hold a password.
    return ConfigurationError(
        [Problem(f"the server's `url` {what}", fix="Write it as https://host/path", path=("url",))]
    )
