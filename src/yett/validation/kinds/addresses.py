"""What a host's name in a URL or an argument is: a name, or an address, and of which network. Pure.

Libraries read addresses in many more ways than people write them: `2130706433`, `0x7f.1`, `0177.0.0.1` and
`127.1` all mean this machine to some (CWE-918, WHATWG URL: IPv4 parser). So an address counts only
in its one usual form, and what could be another form of one is refused. No name is looked up here.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

from yett.validation.kinds.port import Unfit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAME: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NAME_CHARS_MAX: Final = 253
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_INSIDE: Final = (
    "localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "corp", "private",
    "home.arpa", "in-addr.arpa", "ip6.arpa", "onion", "test", "invalid", "example", "alt",
)  # fmt: skip
"""Never names of the public network (RFC 6761, 6762, 8375, 9476; ICANN's name collision reports)."""

_NAMES_OF_ADDRESSES: Final = (
    "nip.io", "sslip.io", "xip.io", "xip.name", "ip6.name", "traefik.me", "backname.io", "1u.ms", "rbndr.us",
    "localtest.me", "lvh.me", "vcap.me", "lacolhost.com", "localho.st", "fuf.me", "smackaho.st", "42foo.com",
    "lndo.site", "ddev.site", "local.gd", "localhost.direct", "127-0-0-1.org.uk", "bugbounty.dod.network",
    "spoofed.burpcollaborator.net", "mail.ebc.apple.com", "localhost.domaincontrol.com",
)  # fmt: skip
"""Public domains whose names lead to whatever address the name says, or to this machine."""

_EMBEDDED: Final = re.compile(
    r"(?<![0-9])([0-9]{1,3})([.-])([0-9]{1,3})\2([0-9]{1,3})\2([0-9]{1,3})(?![0-9])"
)
"""An address inside a name, as the domains above read it, and others that are not known."""

_WITH_IPV4_AT_END: Final = (
    ipaddress.IPv6Network("::/96"),
    ipaddress.IPv6Network("::ffff:0:0/96"),
    ipaddress.IPv6Network("::ffff:0:0:0/96"),
    ipaddress.IPv6Network("64:ff9b::/96"),
)
_NEVER: Final = (
    ipaddress.IPv6Network(
        "64:ff9b:1::/48"
    ),  # local use of NAT64: the operator of a network decides
    ipaddress.IPv6Network("2001::/32"),  # Teredo hides an address of its own inside
    ipaddress.IPv6Network("fec0::/10"),  # site-local, of old
    ipaddress.IPv6Network("3fff::/20"),
    ipaddress.IPv6Network("5f00::/16"),
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.88.99.0/24"),  # relays of 6to4
)
_6TO4: Final = ipaddress.IPv6Network("2002::/16")
_ISATAP: Final = (0x0000_5EFE, 0x0200_5EFE)


def read_host(text: str) -> tuple[str, Address | None]:
    """Return a host in lower case, and its address if it is one. IPv6 is in brackets.

    Raises:
        Unfit: it is neither a name nor an address in its usual form.
    """
    host = text.lower()
    if not host.isascii():
        raise Unfit("has a host that is not ASCII; its name in DNS begins with `xn--`")
    if host.startswith("["):
        return host, _ipv6(host)
    if not _NAME.fullmatch(host) or len(host) > _NAME_CHARS_MAX:
        raise Unfit("has no host, or one that is no name of DNS")
    if not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return host, None
    try:
        return host, ipaddress.IPv4Address(host)
    except ValueError:
        raise Unfit("has an address as host that is not in its usual form") from None


def is_public(host: str, address: Address | None) -> bool:
    """Tell whether a host, by what it is called, may be one of the public network."""
    if address is not None:
        return _is_global(address)
    if "." not in host or "localhost" in host.split(".") or _spells_a_private_address(host):
        return False
    return not any(
        host == inside or host.endswith(f".{inside}") for inside in _INSIDE + _NAMES_OF_ADDRESSES
    )


def _spells_a_private_address(name: str) -> bool:
    for found in _EMBEDDED.finditer(name):
        numbers = [int(found[group]) for group in (1, 3, 4, 5)]
        if max(numbers) < 256 and not _is_global(ipaddress.IPv4Address(bytes(numbers))):  # noqa: PLR2004 - a byte
            return True
    return False


def leads_inside(addresses: Iterable[str]) -> bool:
    """Tell whether one of the addresses that a name leads to is not of the public network."""
    return not all(_is_global(ipaddress.ip_address(it.partition("%")[0])) for it in addresses)


def _ipv6(host: str) -> ipaddress.IPv6Address:
    try:
        if not host.endswith("]") or "%" in host:
            raise ValueError
        return ipaddress.IPv6Address(host[1:-1])
    except ValueError:
        raise Unfit("has an address as host that is not in its usual form") from None


def _is_global(address: Address) -> bool:
    if address.is_multicast or not address.is_global:
        return False
    if any(address.version == net.version and address in net for net in _NEVER):
        return False
    inside = _embedded(address) if isinstance(address, ipaddress.IPv6Address) else None
    return inside is None or _is_global(inside)


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that a network on the way would make of this one."""
    number = int(address)
    if address in _6TO4:
        return ipaddress.IPv4Address(number >> 80 & 0xFFFF_FFFF)
    if any(address in net for net in _WITH_IPV4_AT_END) or number >> 32 & 0xFFFF_FFFF in _ISATAP:
        return ipaddress.IPv4Address(number & 0xFFFF_FFFF)
    return None
