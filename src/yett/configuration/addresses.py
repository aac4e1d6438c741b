"""Addresses and URLs, as the checks and the commands ask about them; no name is ever looked up."""

from typing import Final, final
from urllib.parse import SplitResult, urlsplit

import msgspec

from yett.configuration.model import Configuration

_PORT_MAX: Final = 65_535
# What listens on every address is reached at none of these.
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - named, not listened on


@final
class Listen(msgspec.Struct, frozen=True):
    host: str
    port: int


def parse_listen(text: str) -> Listen | None:
    """Split `127.0.0.1:8080` or `[::1]:8080`; None if the port does not exist."""
    host, _, port = text.rpartition(":")
    if int(port) > _PORT_MAX:
        return None
    return Listen(host.removeprefix("[").removesuffix("]"), int(port))


def gate_url(configuration: Configuration) -> str:
    """Return where an agent on this machine finds the gate, without a path."""
    host, _, port = configuration.listen.rpartition(":")
    scheme = "http" if configuration.tls is None else "https"
    return f"{scheme}://{_EVERYWHERE.get(host, host)}:{port}"


def split_url(text: str) -> SplitResult | None:
    """Split an absolute URL; None if it has no host, a bad port, or characters that end a line."""
    if any(character.isspace() or not character.isprintable() for character in text):
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises for a port that does not exist
    except ValueError:
        return None
    return parts if parts.hostname else None
