"""Which hosts and ports may be named: an allow-list. Pure."""

from typing import Final, final

from yett.validation.kinds.addresses import is_public, read_host
from yett.validation.kinds.port import Unfit

_ALL: Final = "*"


@final
class AllowedHosts:
    """hosts: names or addresses, `*.example.com` for all that is below, `*` for all that is public.

    private: what `*` and `*.…` stand for may be private, too. A host that is written out may always.
    resolve: names are looked up, and lead to public addresses only, unless `private`.

    Raises:
        ValueError: one of `hosts` is no such thing.
    """

    __slots__ = ("_all", "_below", "_exact", "_private", "_resolve")

    def __init__(self, hosts: tuple[str, ...], *, private: bool, resolve: bool) -> None:
        self._resolve = resolve and not private
        self._all = _ALL in hosts
        self._below = tuple(host[1:].lower() for host in hosts if host.startswith("*."))
        self._exact = frozenset(_normal(host) for host in hosts if not host.startswith("*"))
        self._private = private
        for host in hosts:
            if host.startswith("*") and host != _ALL:
                _normal(host.removeprefix("*."))

    def check(self, text: str) -> None:
        """text: as it stands in a URL.

        Raises:
            Unfit: it is not allowed, or not written in the one usual way.
        """
        host, address = read_host(text)
        if (host if address is None else str(address)) in self._exact:
            return
        below = address is None and host.endswith(self._below) if self._below else False
        if not self._all and not below:
            raise Unfit("names a host that is not allowed")
        if not self._private and not is_public(host, address):
            raise Unfit("names a host of a private network or of this machine")

    def name_to_resolve(self, text: str) -> str | None:
        """Return the name in what was checked, if it is one and is to be looked up."""
        host, address = read_host(text)
        return host if self._resolve and address is None else None


def _normal(text: str) -> str:
    """The form in which a host is compared; an IPv6 address may stand without its brackets."""
    bracketed = f"[{text}]" if ":" in text and not text.startswith("[") else text
    host, address = read_host(bracketed)
    return host if address is None else str(address)
