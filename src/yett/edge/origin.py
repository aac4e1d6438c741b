"""Host and Origin, checked apart from each other on every route (DNS rebinding, CWE-346, CWE-350)."""

from typing import final


@final
class OriginPolicy:
    """`hosts`: accepted `Host` values, with port where it is not the scheme's own. `origins`:
    accepted `Origin` values beyond the gate's own."""

    __slots__ = ("_hosts", "_origins")

    def __init__(self, hosts: frozenset[bytes], origins: frozenset[bytes]) -> None:
        self._hosts = hosts
        self._origins = origins | {
            scheme + host for host in hosts for scheme in (b"http://", b"https://")
        }

    def allows(self, headers: dict[bytes, bytes]) -> bool:
        """Whether a request with these headers may have been meant for this gate."""
        if headers.get(b"host", b"").lower() not in self._hosts:
            return False
        if b"origin" in headers:
            return headers[b"origin"].lower() in self._origins
        return headers.get(b"sec-fetch-site") not in {b"cross-site", b"same-site"}


def own_hosts(host: str, port: int, extra: tuple[str, ...]) -> frozenset[bytes]:
    """Return the `Host` values that mean this listener: its address, and on loopback all its names."""
    bare = host.strip("[]")
    names = {f"[{bare}]" if ":" in bare else bare}
    if bare in {"127.0.0.1", "::1", "localhost"}:
        names |= {"127.0.0.1", "localhost", "[::1]"}
    own = {f"{name}:{port}" for name in names}
    if port in {80, 443}:
        own |= names
    return frozenset(item.lower().encode() for item in own | set(extra))
