"""A listener speaks TLS 1.2 or better, and changes its certificate while it serves."""

import asyncio
import shutil
import ssl
import warnings
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.certificates import DAY, NOW, Issued, connect, issue, serve
from tests.clock import HandClock
from yett.core.errors import ConfigurationError
from yett.edge.tls import ReloadingContext, server_context

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    return request.param  # type: ignore[no-any-return]  # pytest does not know


class Place(NamedTuple):
    folder: Path
    ca: Issued
    certificate: Path
    key: Path

    def put(self, issued: Issued) -> None:
        """Do what a certificate client does: put a new pair in the place of the old."""
        for source, target in ((issued.key_path, self.key), (issued.path, self.certificate)):
            temporary = target.with_suffix(".new")
            shutil.copy(source, temporary)
            temporary.replace(target)

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca.path))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    ca = issue(tmp_path, "ca", ca=True)
    found = Place(tmp_path, ca, tmp_path / "served.pem", tmp_path / "served-key.pem")
    found.put(issue(tmp_path, "first", by=ca))
    return found


def reloading(place: Place, **more: Any) -> tuple[ReloadingContext, list[ConfigurationError]]:
    reports: list[ConfigurationError] = []
    clock = more.pop("clock", HandClock(NOW))
    made = ReloadingContext(
        place.certificate, place.key, clock=clock, report=reports.append, **more
    )
    return made, reports


def common_name(certificate: Any) -> str:
    return str(certificate.subject.rfc4514_string())


def test_a_caller_speaks_through_tls(place: Place, run: Run) -> None:
    async def scenario() -> None:
        context = server_context(place.certificate, place.key, clock=HandClock(NOW))
        async with serve(context) as served, connect(served.port, place.client()) as line:
            assert await line.say("hello") == "hello"
            assert line.writer.get_extra_info("ssl_object").version() == "TLSv1.3"

    run(scenario())


def old_client(place: Place) -> ssl.SSLContext:
    context = place.client()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def test_tls_1_1_is_refused(place: Place, run: Run) -> None:
    async def scenario() -> None:
        context = server_context(place.certificate, place.key, clock=HandClock(NOW))
        async with serve(context) as served:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                async with connect(served.port, old_client(place)) as line:
                    await line.say("hello")
        assert not served.received
        # The same client gets in where it is let in, so it was the version that was refused.
        lax = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            lax.minimum_version = ssl.TLSVersion.TLSv1
        lax.set_ciphers("ALL:@SECLEVEL=0")
        lax.load_cert_chain(place.certificate, place.key)
        async with serve(lax) as served, connect(served.port, old_client(place)) as line:
            assert await line.say("hello") == "hello"

    run(scenario())


@pytest.mark.parametrize("cipher", ["AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA256"])
def test_a_suite_without_forward_secrecy_or_aead_is_refused(place: Place, cipher: str) -> None:
    context = server_context(place.certificate, place.key, clock=HandClock(NOW))

    assert cipher not in {entry["name"] for entry in context.get_ciphers()}


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"], ids=["with a name", "without a name"])
def test_the_next_handshake_gets_the_new_certificate_and_an_open_connection_lives_on(
    place: Place, run: Run, name: str
) -> None:
    async def scenario() -> None:
        reloading_context, reports = reloading(place)
        async with (
            serve(reloading_context.context) as served,
            connect(served.port, place.client(), name=name) as before,
        ):
            assert await before.say("one") == "one"
            assert reloading_context.refresh() is False
            place.put(issue(place.folder, "second", by=place.ca, end=NOW + 90 * DAY))
            assert reloading_context.refresh() is True
            assert reloading_context.refresh() is False
            async with connect(served.port, place.client(), name=name) as after:
                assert await after.say("two") == "two"
                assert common_name(after.peer) == "CN=second"
            assert await before.say("three") == "three"
            assert common_name(before.peer) == "CN=first"
        assert reports == []
        assert reloading_context.expires_at() == pytest.approx(NOW + 90 * DAY, abs=1)

    run(scenario())


def test_a_bad_new_pair_leaves_the_old_one_serving_and_is_reported_once(
    place: Place, run: Run
) -> None:
    async def scenario() -> None:
        reloading_context, reports = reloading(place)
        shutil.copy(issue(place.folder, "other", by=place.ca).path, place.certificate)
        async with serve(reloading_context.context) as served:
            for _ in range(3):
                assert reloading_context.refresh() is False
            async with connect(served.port, place.client()) as line:
                assert common_name(line.peer) == "CN=first"
            assert len(reports) == 1
            assert "not the key" in str(reports[0])

            place.certificate.unlink()
            assert reloading_context.refresh() is False
            assert len(reports) == 2

            place.put(issue(place.folder, "third", by=place.ca))
            assert reloading_context.refresh() is True
            async with connect(served.port, place.client()) as line:
                assert common_name(line.peer) == "CN=third"

    run(scenario())


def test_a_pair_that_is_not_yet_valid_is_taken_up_when_it_is(place: Place) -> None:
    clock = HandClock(NOW)
    reloading_context, reports = reloading(place, clock=clock)
    place.put(issue(place.folder, "later", by=place.ca, start=NOW + 10))

    assert reloading_context.refresh() is False
    assert len(reports) == 1
    clock.now += 20
    assert reloading_context.refresh() is True


def test_only_a_caller_with_a_certificate_of_the_ca_gets_in(place: Place, run: Run) -> None:
    async def scenario() -> None:
        client_ca = issue(place.folder, "client-ca", ca=True)
        known = issue(place.folder, "agent", by=client_ca, client=True)
        stranger = issue(
            place.folder, "stranger", by=issue(place.folder, "x", ca=True), client=True
        )
        context = server_context(
            place.certificate, place.key, clock=HandClock(NOW), client_ca=client_ca.path
        )
        async with serve(context) as served:
            with_known, with_stranger = place.client(), place.client()
            with_known.load_cert_chain(known.path, known.key_path)
            with_stranger.load_cert_chain(stranger.path, stranger.key_path)
            async with connect(served.port, with_known) as line:
                assert await line.say("hello") == "hello"
            for refused in (place.client(), with_stranger):
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    async with connect(served.port, refused) as line:
                        await line.say("let me in")
            assert bytes(served.received) == b"hello\n"

    run(scenario())


def test_a_withdrawn_client_ca_lets_nobody_in_after_the_next_refresh(
    place: Place, run: Run
) -> None:
    async def scenario() -> None:
        old, new = (issue(place.folder, name, ca=True) for name in ("old-ca", "new-ca"))
        client_ca = place.folder / "clients.pem"
        shutil.copy(old.path, client_ca)
        agents = [
            issue(place.folder, f"agent{i}", by=ca, client=True) for i, ca in enumerate((old, new))
        ]
        clients = [place.client(), place.client()]
        for client, agent in zip(clients, agents, strict=True):
            client.load_cert_chain(agent.path, agent.key_path)
        reloading_context, reports = reloading(place, client_ca=client_ca)
        async with serve(reloading_context.context) as served:
            async with connect(served.port, clients[0]) as line:
                assert await line.say("a") == "a"
            shutil.copy(new.path, client_ca)
            assert reloading_context.refresh() is True
            async with connect(served.port, clients[1]) as line:
                assert await line.say("b") == "b"
            with pytest.raises((ssl.SSLError, ConnectionError)):
                async with connect(served.port, clients[0]) as line:
                    await line.say("c")
            assert bytes(served.received) == b"a\nb\n"
            client_ca.write_text("no certificate")
            assert reloading_context.refresh() is False
            assert "client_ca" in str(reports[0])

    run(scenario())


def problems(certificate: Path, key: Path, *, at: float = NOW) -> str:
    clock = HandClock(NOW)
    clock.now = at
    with pytest.raises(ConfigurationError) as caught:
        server_context(certificate, key, clock=clock)
    return str(caught.value)


def test_each_thing_that_is_wrong_is_named_with_its_fix(place: Place) -> None:
    other = issue(place.folder, "other", by=place.ca)
    none = place.folder / "none.pem"

    both = problems(none, place.folder / "none-key.pem")
    assert "none.pem cannot be read" in both
    assert "none-key.pem cannot be read" in both
    assert "not the key" in problems(place.certificate, other.key_path)
    assert "expired" in problems(place.certificate, place.key, at=NOW + 31 * DAY)
    assert "not valid before" in problems(place.certificate, place.key, at=NOW - 2 * DAY)
    assert "no certificate in PEM" in problems(place.key, place.key)
    assert "no private key in PEM" in problems(place.certificate, place.certificate)
    place.key.chmod(0o644)
    assert "chmod" in problems(place.certificate, place.key)


def test_a_key_with_a_passphrase_is_refused_without_asking_at_the_terminal(place: Place) -> None:
    key = serialization.load_pem_private_key(place.key.read_bytes(), None)
    place.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x" * 8),
        )
    )

    assert "passphrase" in problems(place.certificate, place.key)


def test_a_key_that_openssl_finds_too_weak_is_refused(place: Place) -> None:
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - too weak is the point
    first = x509.load_pem_x509_certificate(place.certificate.read_bytes())
    weak = (
        x509.CertificateBuilder()
        .subject_name(first.subject)
        .issuer_name(first.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(first.not_valid_before_utc)
        .not_valid_after(first.not_valid_after_utc)
        .sign(key, hashes.SHA256())
    )
    place.certificate.write_bytes(weak.public_bytes(serialization.Encoding.PEM))
    place.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )

    assert "cannot be used for TLS" in problems(place.certificate, place.key)
