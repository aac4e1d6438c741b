"""Networks of addresses: near ones are one place."""

from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final

UNKNOWN: Final = ""
_NEAR: Final = {4: 24, 6: 48}
_FAR: Final = {4: 16, 6: 32}


@lru_cache(maxsize=4_096)
def network_of(address: str) -> str:
    """Return the network that an address is taken to be a place of: IPv4 /24, IPv6 /48."""
    return _within(address, _NEAR)


def are_far(one: str, other: str) -> bool:
    """Tell whether two networks have nothing to do with each other. Those of IPv4 and IPv6 never are far:
    a machine has an address of each."""
    return (":" in one) == (":" in other) and _region_of(one) != _region_of(other)


@lru_cache(maxsize=4_096)
def _region_of(network: str) -> str:
    return _within(network.partition("/")[0], _FAR)


def _within(address: str, bits: dict[int, int]) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return UNKNOWN
    mapped = getattr(parsed, "ipv4_mapped", None)
    parsed = mapped or parsed
    return str(ip_network((parsed, bits[parsed.version]), strict=False))
