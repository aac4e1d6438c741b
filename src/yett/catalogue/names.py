"""One canonical spelling for everything: `server__tool` and `yett://server/<encoded URI>`. Pure.

A page of an MCP App stays one: `ui://server/<encoded URI>`, because hosts know it by its scheme.

A server's name holds no `__`, so the first one ends it, whatever the tool is called. A URI of a
server is percent-encoded whole. A template keeps its expressions and has the rest encoded, so that
what a client makes of it (RFC 6570, level 1) can be led back to the server's own URI.
"""

import re
from typing import Final, final
from urllib.parse import quote, unquote

import re2

from yett.core.bounds import URI_CHARS_MAX
from yett.core.operations import Kind
from yett.core.target import SEPARATOR

URI_PREFIX: Final = "yett://"
_APP_PREFIX: Final = "ui://"
_ENCODED_APP_PREFIX: Final = quote(_APP_PREFIX, safe="")
_EXPRESSION: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.]{0,63})\}")
# What level 1 may expand to: unreserved characters and percent-encoded ones (RFC 6570, 3.2.2).
_VALUE: Final = r"((?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})+)"
_DECODING_ROUNDS: Final = 3


def public_name(server: str, name: str) -> str:
    return f"{server}{SEPARATOR}{name}"


def split_name(public: str) -> tuple[str, str]:
    """Return server and own name; the own name is empty if this is no public name."""
    server, _, name = public.partition(SEPARATOR)
    return server, name


def public_uri(server: str, uri: str) -> str:
    return f"{_prefix_of(uri)}{server}/{quote(uri, safe='')}"


def _prefix_of(uri: str) -> str:
    return _APP_PREFIX if uri.startswith(_APP_PREFIX) else URI_PREFIX


def split_uri(public: str) -> tuple[str, str]:
    """Return server and encoded URI; the latter is empty if this is no public URI."""
    scheme, mark, rest = public.partition("://")
    prefix = scheme + mark
    if prefix not in (URI_PREFIX, _APP_PREFIX) or len(public) > 3 * URI_CHARS_MAX:
        return "", ""
    server, _, encoded = rest.partition("/")
    if (prefix == _APP_PREFIX) != encoded.startswith(_ENCODED_APP_PREFIX):
        return "", ""
    return server, encoded


def decode_uri(encoded: str) -> str | None:
    """Return the server's own URI, or None if this is not its one canonical encoding."""
    try:
        uri = unquote(encoded, errors="strict")
    except UnicodeDecodeError:
        return None
    return uri if quote(uri, safe="") == encoded else None


def own_name(kind: Kind, public: str) -> str:
    """Undo `public_name` or `public_uri`; empty if the name is none of these."""
    if kind is Kind.RESOURCE:
        return decode_uri(split_uri(public)[1]) or ""
    return split_name(public)[1]


def public_template(server: str, template: str) -> str:
    literals, variables = _parts(template)
    encoded = quote(literals[0], safe="")
    for variable, literal in zip(variables, literals[1:], strict=True):
        encoded += f"{{{variable}}}{quote(literal, safe='')}"
    return f"{_prefix_of(template)}{server}/{encoded}"


@final
class Template:
    """A URI template of level 1, ready to match in linear time. Other levels match nothing.

    `matches`: does this URI of the server come from the template? `lead_back`: the server's own URI
    for the encoded part of a public one, or None.
    """

    __slots__ = ("_encoded", "_literals", "_own")

    def __init__(self, template: str) -> None:
        self._literals, variables = _parts(template)
        self._own = self._encoded = None
        if variables and not any(brace in "".join(self._literals) for brace in "{}"):
            self._own = re2.compile(_VALUE.join(re2.escape(part) for part in self._literals))
            self._encoded = re2.compile(
                _VALUE.join(re2.escape(quote(part, safe="")) for part in self._literals)
            )

    def matches(self, uri: str) -> bool:
        return self._values(self._own, uri) is not None

    def lead_back(self, encoded: str) -> str | None:
        values = self._values(self._encoded, encoded)
        if values is None:
            return None
        uri = self._literals[0]
        for value, literal in zip(values, self._literals[1:], strict=True):
            uri += value + literal
        return uri

    @staticmethod
    def _values(pattern: "re2._Regexp[str] | None", text: str) -> tuple[str, ...] | None:
        match = None if pattern is None else pattern.fullmatch(text)
        if match is None or not all(_is_plain(value) for value in match.groups()):
            return None
        return tuple(match.groups())


def _parts(template: str) -> tuple[list[str], list[str]]:
    pieces = _EXPRESSION.split(template)
    return pieces[::2], pieces[1::2]


def _is_plain(value: str) -> bool:
    """Refuse what leaves the place the template names (CWE-22), however often it is encoded."""
    for _ in range(_DECODING_ROUNDS):
        if "\0" in value or ".." in re.split(r"[/\\]", value):
            return False
        decoded = unquote(value)
        if decoded == value:
            return True
        value = decoded
    return False
