"""The development CA vouches for this machine, for a month at a time, and for nothing else."""

import asyncio
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.certificates import DAY, NOW, Issued, connect, issue, serve
from tests.clock import HandClock
from yett.core.errors import ConfigurationError
from yett.edge.authority import ensure_development_certificate, is_self_signed
from yett.edge.certificate import read_certificate
from yett.edge.tls import server_context


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "yett.example"])
def test_a_client_that_trusts_the_ca_is_served(tmp_path: Path, name: str) -> None:
    certificate, key, ca = ensure_development_certificate(
        tmp_path, ("yett.example:8443", "::", "[::1]:8443", "10.0.0.7:1"), clock=HandClock(NOW)
    )

    async def scenario() -> None:
        client = ssl.create_default_context(cafile=str(ca))
        client.verify_flags |= ssl.VERIFY_X509_STRICT
        context = server_context(certificate, key, clock=HandClock(NOW))
        async with serve(context) as served, connect(served.port, client, name=name) as line:
            assert await line.say("hello") == "hello"

    asyncio.run(scenario())


def test_the_ca_can_vouch_for_no_other_name(tmp_path: Path) -> None:
    _, _, ca = ensure_development_certificate(tmp_path, (), clock=HandClock(NOW))
    key = serialization.load_pem_private_key((tmp_path / "tls" / "ca-key.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    thief = Issued(ca, ca, x509.load_pem_x509_certificate(ca.read_bytes()), key)
    bank = issue(tmp_path, "bank", by=thief, hosts=("bank.example", "localhost"))
    address = issue(tmp_path, "address", by=thief, hosts=("10.0.0.1", "localhost"))

    async def scenario(stolen: Issued) -> None:
        context = server_context(stolen.path, stolen.key_path, clock=HandClock(NOW))
        client = ssl.create_default_context(cafile=str(ca))
        async with serve(context) as served:
            with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
                async with connect(served.port, client):
                    pass

    asyncio.run(scenario(bank))
    asyncio.run(scenario(address))


def test_keys_are_private_and_the_pair_is_made_once(tmp_path: Path) -> None:
    first = ensure_development_certificate(tmp_path, ("yett.example",), clock=HandClock(NOW))
    before = [path.read_bytes() for path in first]

    again = ensure_development_certificate(tmp_path, ("yett.example",), clock=HandClock(NOW))

    assert [path.read_bytes() for path in again] == before
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    for name in ("ca-key.pem", "server-key.pem"):
        assert stat.S_IMODE((tmp_path / "tls" / name).stat().st_mode) == 0o600
    assert sorted(p.name for p in (tmp_path / "tls").iterdir()) == [
        "ca-key.pem", "ca.pem", "server-key.pem", "server.pem",
    ]  # fmt: skip


def test_the_leaf_is_renewed_in_its_last_week_and_the_ca_stays(tmp_path: Path) -> None:
    clock = HandClock(NOW)
    certificate, _, ca = ensure_development_certificate(tmp_path, (), clock=clock)
    first, authority = certificate.read_bytes(), ca.read_bytes()

    clock.now += 22 * DAY
    ensure_development_certificate(tmp_path, (), clock=clock)
    assert certificate.read_bytes() == first

    clock.now += 1.1 * DAY
    ensure_development_certificate(tmp_path, (), clock=clock)
    renewed = read_certificate(certificate)
    assert certificate.read_bytes() != first
    assert ca.read_bytes() == authority
    assert renewed.not_valid_after_utc.timestamp() == pytest.approx(clock.now + 30 * DAY, abs=1)
    assert "localhost" in renewed.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    ).value.get_values_for_type(x509.DNSName)


def test_a_new_host_needs_a_new_ca_and_one_less_does_not(tmp_path: Path) -> None:
    certificate, _, ca = ensure_development_certificate(
        tmp_path, ("a.example",), clock=HandClock(NOW)
    )
    first = ca.read_bytes()

    ensure_development_certificate(tmp_path, (), clock=HandClock(NOW))
    assert ca.read_bytes() == first

    ensure_development_certificate(tmp_path, ("b.example", "10.1.2.3"), clock=HandClock(NOW))
    assert ca.read_bytes() != first
    assert read_certificate(certificate).issuer == read_certificate(ca).subject


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem", "server.pem", "server-key.pem"])
@pytest.mark.parametrize("harm", ["missing", "cut off", "another's"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, name: str, harm: str) -> None:
    certificate, key, ca = ensure_development_certificate(tmp_path, (), clock=HandClock(NOW))
    path = tmp_path / "tls" / name
    other = issue(tmp_path, "other")
    if harm == "missing":
        path.unlink()
    else:
        replacement = other.key_path if "key" in name else other.path
        path.write_bytes(path.read_bytes()[:40] if harm == "cut off" else replacement.read_bytes())

    ensure_development_certificate(tmp_path, (), clock=HandClock(NOW))

    server_context(certificate, key, clock=HandClock(NOW))
    read_certificate(certificate).verify_directly_issued_by(read_certificate(ca))


@pytest.mark.parametrize("host", ["a b", "", "*", "x:y", "a..b", "http://x", "a" * 64])
def test_what_is_no_host_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigurationError, match="no host name"):
        ensure_development_certificate(tmp_path, (host,), clock=HandClock(NOW))


def test_only_a_certificate_that_somebody_else_vouches_for_is_not_self_signed(
    tmp_path: Path,
) -> None:
    ca = issue(tmp_path, "ca", ca=True)
    development, _, _ = ensure_development_certificate(tmp_path, (), clock=HandClock(NOW))

    assert is_self_signed(issue(tmp_path, "own").path)
    assert is_self_signed(development)
    assert is_self_signed(ca.path)
    assert not is_self_signed(issue(tmp_path, "leaf", by=ca).path)
    with pytest.raises(ConfigurationError):
        is_self_signed(tmp_path / "none")


def test_a_file_that_cannot_be_written_leaves_no_part_behind(tmp_path: Path) -> None:
    (tmp_path / "tls" / "ca-key.pem").mkdir(parents=True)

    with pytest.raises(OSError, match="directory"):
        ensure_development_certificate(tmp_path, (), clock=HandClock(NOW))

    assert [path.name for path in (tmp_path / "tls").iterdir()] == ["ca-key.pem"]


def test_a_ca_of_another_kind_in_its_place_is_replaced_or_named(tmp_path: Path) -> None:
    _, _, ca = ensure_development_certificate(tmp_path, (), clock=HandClock(NOW))
    plain = issue(tmp_path, "plain", ca=True, end=NOW + 900 * DAY)
    ca.write_bytes(plain.path.read_bytes())
    (tmp_path / "tls" / "ca-key.pem").write_bytes(plain.key_path.read_bytes())

    ensure_development_certificate(tmp_path, (), clock=HandClock(NOW))

    assert ca.read_bytes() != plain.path.read_bytes()
