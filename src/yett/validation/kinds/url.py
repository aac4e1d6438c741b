"""`url`: an absolute URL to an allowed host, written so that every parser reads the same in it. Pure.

RFC 3986; where libraries differ about what the host is (CWE-918, CWE-436), the URL is refused: user
names, backslashes, spaces and control characters, hosts that are not ASCII, addresses in odd forms.
"""

import re
from typing import Final, final

from yett.core.bounds import URI_CHARS_MAX
from yett.core.target import Access
from yett.validation.config import UrlArgument
from yett.validation.kinds.hosts import AllowedHosts
from yett.validation.kinds.port import Unfit

_URL: Final = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*)://"  # scheme
    r"(\[[0-9A-Fa-f:.]*\]|[^\[\]:/?#@]*)"  # host
    r"(?::([1-9][0-9]{0,4}))?"  # port
    r"([/?#].*)?"
)
_CHARACTERS: Final = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]++|%[0-9A-Fa-f]{2})*+")
_PORTS: Final = {
    "https": 443, "http": 80, "wss": 443, "ws": 80, "ftp": 21, "sftp": 22, "ssh": 22, "git": 9418,
}  # fmt: skip


@final
class UrlGuard:
    """Raises:
    ValueError: `hosts` of the options are no hosts.
    """

    __slots__ = ("_hosts", "_ports", "_schemes")

    def __init__(self, options: UrlArgument) -> None:
        self._hosts = AllowedHosts(options.hosts, private=options.private, resolve=options.resolve)
        self._schemes = frozenset(options.schemes)
        self._ports = frozenset(options.ports)

    def check(self, value: str, access: Access) -> str:
        """Raises:
        Unfit: it is no URL that every parser reads alike, or leads to where it may not.
        """
        del access
        if len(value) > URI_CHARS_MAX:
            raise Unfit(f"is longer than {URI_CHARS_MAX} characters")
        if not _CHARACTERS.fullmatch(value):
            raise Unfit("has a character that a URL writes as `%` and two digits, or never")
        found = _URL.fullmatch(value)
        if found is None:
            raise Unfit("is no absolute URL of the form scheme://host/path, without a user name")
        scheme, host, port, rest = found[1].lower(), found[2], found[3], found[4] or ""
        if scheme not in self._schemes:
            raise Unfit("has a scheme that is not allowed")
        if "@" in rest and not rest.startswith("/"):
            raise Unfit("has an `@` where some parsers read a user name")
        wanted = self._ports or {_PORTS[scheme]}
        if int(port or _PORTS[scheme]) not in wanted:
            raise Unfit("has a port that is not allowed")
        self._hosts.check(host)
        return value

    def host_of(self, value: str) -> str | None:
        found = _URL.fullmatch(value)
        return None if found is None else self._hosts.name_to_resolve(found[2])
