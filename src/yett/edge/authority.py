"""A certificate authority of this machine's own, for development: it can vouch for this machine only.

It is constrained to the names it was made for (RFC 5280, 4.2.1.10), so that somebody who steals its
key from a laptop that trusts it can impersonate nobody but that laptop.
"""

import ipaddress
import re
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from yett.core.clock import Clock
from yett.core.errors import ConfigurationError, Problem
from yett.edge.certificate import read_certificate, read_pair
from yett.storage.files import write_whole

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_ORGANIZATION: Final = "Yett development CA"
_ALWAYS: Final = ("localhost", "127.0.0.1", "::1")
_CA_DAYS: Final = 3650
_CA_DAYS_LEFT_MIN: Final = 60
_LEAF_DAYS: Final = 30
_LEAF_DAYS_LEFT_MIN: Final = 7
_HOSTS_MAX: Final = 100
_PORT: Final = re.compile(r":[0-9]{1,5}$")
_DAY_SECONDS: Final = 86400.0


@final
class _Names(msgspec.Struct, frozen=True):
    dns: tuple[str, ...]
    addresses: tuple[_Address, ...]


def ensure_development_certificate(
    data: Path, hosts: tuple[str, ...], *, clock: Clock
) -> tuple[Path, Path, Path]:
    """Return certificate, key and CA (PEM) in `data/tls`, made or renewed if needed.

    The certificate is for localhost and `hosts`, lives 30 days and is renewed when 7 are left. The CA
    stays, unless it is not for one of the hosts: then a new one is made, to be trusted anew.

    Raises:
        ConfigurationError: a host is no name and no address.
        OSError: the files cannot be written.
    """
    names = _read_names(hosts)
    folder = data / "tls"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ca_path, ca_key_path = folder / "ca.pem", folder / "ca-key.pem"
    path, key_path = folder / "server.pem", folder / "server-key.pem"
    at = clock.wall()
    ca = _usable(ca_path, ca_key_path, names, at=at, days_left=_CA_DAYS_LEFT_MIN)
    if ca is None:
        ca = _make_authority(ca_path, ca_key_path, names, at)
    leaf = _usable(path, key_path, names, at=at, days_left=_LEAF_DAYS_LEFT_MIN)
    if leaf is None or leaf.issuer != ca.subject:
        _make_leaf(path, key_path, names, at, ca=ca, ca_key_path=ca_key_path)
    return path, key_path, ca_path


def is_self_signed(certificate: Path) -> bool:
    """Say whether nobody but its maker vouches for a certificate: self-issued, or by a CA of this file.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    leaf = read_certificate(certificate)
    organizations = leaf.issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return leaf.issuer == leaf.subject or any(name.value == _ORGANIZATION for name in organizations)


def _usable(
    path: Path, key_path: Path, names: _Names, *, at: float, days_left: int
) -> x509.Certificate | None:
    """The certificate, if it and its key are good for these names for long enough; else None."""
    try:
        pair = read_pair(path, key_path, at=at)
    except ConfigurationError:
        return None
    if pair.expires_at - at < days_left * _DAY_SECONDS:
        return None
    return pair.leaf if _covers(pair.leaf, names) else None


def _covers(certificate: x509.Certificate, names: _Names) -> bool:
    dns: set[str]
    addresses: set[str]
    try:
        extensions = certificate.extensions
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            found = extensions.get_extension_for_class(x509.NameConstraints).value
            subtrees = found.permitted_subtrees or []
            dns = {name.value for name in subtrees if isinstance(name, x509.DNSName)}
            addresses = {
                str(name.value.network_address)
                for name in subtrees
                if isinstance(name, x509.IPAddress)
                and isinstance(name.value, (ipaddress.IPv4Network, ipaddress.IPv6Network))
            }
        else:
            value = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            dns = set(value.get_values_for_type(x509.DNSName))
            addresses = {str(found) for found in value.get_values_for_type(x509.IPAddress)}
    except x509.ExtensionNotFound:
        return False
    return dns.issuperset(names.dns) and addresses.issuperset(map(str, names.addresses))


def _make_authority(path: Path, key_path: Path, names: _Names, at: float) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    # Of its own name each: a client that trusts an older one must not take this for that.
    name = _name(f"{_ORGANIZATION} {secrets.token_hex(4)}")
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    permitted = [
        *[x509.DNSName(host) for host in names.dns],
        *[x509.IPAddress(ipaddress.ip_network(address)) for address in names.addresses],
    ]
    certificate = (
        _builder(name, key.public_key(), at, _CA_DAYS)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_pair(path, key_path, certificate, key)
    return certificate


def _make_leaf(
    path: Path, key_path: Path, names: _Names, at: float, *, ca: x509.Certificate, ca_key_path: Path
) -> None:
    ca_key = serialization.load_pem_private_key(ca_key_path.read_bytes(), password=None)
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
        fix = f"Remove {ca_key_path.parent} and start again."
        raise ConfigurationError([Problem(f"{ca_key_path} is not a key of Yett's", fix=fix)])
    key = ec.generate_private_key(ec.SECP256R1())
    alternative = x509.SubjectAlternativeName(
        [
            *[x509.DNSName(host) for host in names.dns],
            *[x509.IPAddress(address) for address in names.addresses],
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    certificate = (
        _builder(_name("localhost"), key.public_key(), at, _LEAF_DAYS)
        .issuer_name(ca.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(alternative, critical=False)
        .add_extension(identifier, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    _write_pair(path, key_path, certificate, key)


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, at: float, days: int
) -> x509.CertificateBuilder:
    now = datetime.fromtimestamp(at, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _read_names(hosts: tuple[str, ...]) -> _Names:
    dns: list[str] = []
    addresses: list[_Address] = []
    for host in dict.fromkeys((*_ALWAYS, *hosts[:_HOSTS_MAX])):
        # A port may follow, as in `allowed_hosts`.
        name = _PORT.sub("", host) if host.count(":") == 1 or host.startswith("[") else host
        try:
            addresses.append(ipaddress.ip_address(name.removeprefix("[").removesuffix("]")))
        except ValueError:
            dns.append(_read_dns_name(name))
    listening_anywhere = {address for address in addresses if address.is_unspecified}
    return _Names(
        tuple(dict.fromkeys(dns)), tuple(a for a in addresses if a not in listening_anywhere)
    )


def _read_dns_name(host: str) -> str:
    try:
        name = host.encode("idna").decode().lower()
        if name and all(label.replace("-", "").isalnum() for label in name.split(".")):
            return name
    except UnicodeError:
        pass
    fix = "Write names such as yett.example, or addresses; no patterns."
    raise ConfigurationError([Problem(f"`{host}` is no host name and no address", fix=fix)])


def _write_pair(
    path: Path, key_path: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> None:
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_whole(key_path, text, mode=0o600)
    write_whole(path, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
