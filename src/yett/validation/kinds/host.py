"""`host`: a name or an address, perhaps with a port. Pure."""

import re
from typing import Final, final

from yett.core.target import Access
from yett.validation.config import HostArgument
from yett.validation.kinds.hosts import AllowedHosts
from yett.validation.kinds.port import Unfit

_HOST: Final = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([1-9][0-9]{0,4}))?")


@final
class HostGuard:
    """Raises:
    ValueError: `hosts` of the options are no hosts.
    """

    __slots__ = ("_hosts", "_ports")

    def __init__(self, options: HostArgument) -> None:
        self._hosts = AllowedHosts(options.hosts, private=options.private, resolve=options.resolve)
        self._ports = frozenset(options.ports)

    def check(self, value: str, access: Access) -> str:
        """Raises:
        Unfit: it is no host, or one that is not allowed.
        """
        del access
        found = _parts(value)
        if found is None:
            raise Unfit("is no host")
        if found[2] is not None and int(found[2]) not in self._ports:
            raise Unfit("has a port that is not allowed")
        self._hosts.check(found[1])
        return value

    def host_of(self, value: str) -> str | None:
        found = _parts(value)
        return None if found is None else self._hosts.name_to_resolve(found[1])


def _parts(value: str) -> re.Match[str] | None:
    """Return host and port; an IPv6 address may stand without its brackets if there is no port."""
    bare_ipv6 = value.count(":") > 1 and not value.startswith("[")
    return _HOST.fullmatch(f"[{value}]" if bare_ipv6 else value)
