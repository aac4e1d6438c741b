"""A server is believed only with a valid certificate for its name, and the pinned key if there is one."""

import asyncio
import os
import socket
import ssl
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvloop
from cryptography.hazmat.primitives.serialization import Encoding

from tests.certificates import DAY, NOW, Issued, connect, issue, serve
from yett.core.errors import ConfigurationError
from yett.upstreams.tls import PinMismatchError, client_context, public_key_pin

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    return request.param  # type: ignore[no-any-return]  # pytest does not know


class Pki(NamedTuple):
    folder: Path
    ca: Issued
    server: Issued


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    ca = issue(tmp_path, "ca", ca=True)
    return Pki(tmp_path, ca, issue(tmp_path, "server", by=ca))


def serving(issued: Issued) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.path, issued.key_path)
    return context


def client(ca: Issued | None, **more: Any) -> ssl.SSLContext:
    settings = {"client_certificate": None, "client_key": None, **more}
    return client_context(ca=str(ca.path) if ca else None, **settings)


def pin_of(issued: Issued) -> str:
    return public_key_pin(issued.certificate.public_bytes(Encoding.DER))


async def refused_by(
    context: ssl.SSLContext, server: ssl.SSLContext, *, name: str = "localhost"
) -> str:
    """Return why the client went away; nothing that it wanted to say may have arrived."""
    async with serve(server) as served:
        with pytest.raises((ssl.SSLError, ConnectionError)) as caught:
            async with connect(served.port, context, name=name) as line:
                await line.say("Authorization: Bearer canary")
        await asyncio.sleep(0.02)
        assert not served.received
    return str(getattr(caught.value, "verify_message", caught.value))


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_server_with_a_certificate_of_the_named_ca_is_spoken_to(
    pki: Pki, run: Run, name: str
) -> None:
    async def scenario() -> None:
        async with (
            serve(serving(pki.server)) as served,
            connect(served.port, client(pki.ca), name=name) as line,
        ):
            assert await line.say("hello") == "hello"

    run(scenario())


def test_a_wrong_host_is_refused(pki: Pki, run: Run) -> None:
    other = issue(pki.folder, "other", by=pki.ca, hosts=("evil.example",))

    async def scenario() -> None:
        for name in ("localhost", "127.0.0.1"):
            assert "mismatch" in await refused_by(client(pki.ca), serving(other), name=name)

    run(scenario())


def test_expired_not_yet_valid_self_signed_and_unknown_are_refused(pki: Pki, run: Run) -> None:
    cases = {
        "expired": issue(pki.folder, "a", by=pki.ca, start=NOW - 9 * DAY, end=NOW - DAY),
        "not yet valid": issue(pki.folder, "b", by=pki.ca, start=NOW + DAY),
        "self-signed": issue(pki.folder, "c"),
        "unable to get local issuer": issue(pki.folder, "d", by=issue(pki.folder, "x", ca=True)),
        "purpose": issue(pki.folder, "e", by=pki.ca, client=True),
    }

    async def scenario() -> None:
        for why, issued in cases.items():
            assert why in await refused_by(client(pki.ca), serving(issued))

    run(scenario())


def test_a_servers_certificate_vouches_for_no_other(pki: Pki, run: Run) -> None:
    issued = issue(pki.folder, "forged", by=pki.server)
    chain = pki.folder / "chain.pem"
    chain.write_bytes(issued.path.read_bytes() + pki.server.path.read_bytes())
    server = serving(issued)
    server.load_cert_chain(chain, issued.key_path)

    async def scenario() -> None:
        assert "CA" in await refused_by(client(pki.ca), server)

    run(scenario())


def test_the_system_does_not_vouch_for_a_private_ca(pki: Pki, run: Run) -> None:
    async def scenario() -> None:
        assert "issuer" in await refused_by(client(None), serving(pki.server))

    run(scenario())


def test_a_named_ca_is_the_only_one_trusted(pki: Pki) -> None:
    context = client(pki.ca)

    assert context.cert_store_stats()["x509_ca"] == 1
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is True


def test_tls_1_1_is_refused(pki: Pki, run: Run) -> None:
    old = serving(pki.server)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")

    async def scenario() -> None:
        await refused_by(client(pki.ca), old)

    run(scenario())


def test_both_sides_show_a_certificate(pki: Pki, run: Run) -> None:
    client_ca = issue(pki.folder, "client-ca", ca=True)
    own = issue(pki.folder, "gate", by=client_ca, client=True)
    server = serving(pki.server)
    server.load_verify_locations(client_ca.path)
    server.verify_mode = ssl.CERT_REQUIRED

    async def scenario() -> None:
        mutual = client(
            pki.ca,
            client_certificate=str(own.path),
            client_key=str(own.key_path),
            pins=(pin_of(pki.server),),
        )
        async with serve(server) as served, connect(served.port, mutual) as line:
            assert await line.say("hello") == "hello"
        await refused_by(client(pki.ca), server)

    run(scenario())


def test_the_pinned_key_is_spoken_to(pki: Pki, run: Run) -> None:
    spare = issue(pki.folder, "spare", by=pki.ca)
    renewed = issue(pki.folder, "renewed", by=pki.ca, key=pki.server.key)

    async def scenario() -> None:
        pinned = client(pki.ca, pins=(pin_of(pki.server).removeprefix("sha256/"), pin_of(spare)))
        for issued in (pki.server, spare, renewed):
            async with serve(serving(issued)) as served, connect(served.port, pinned) as line:
                assert await line.say("hello") == "hello"

    run(scenario())


def test_another_key_fails_inside_the_handshake_though_the_certificate_is_valid(
    pki: Pki, run: Run
) -> None:
    swapped = issue(pki.folder, "swapped", by=pki.ca)

    async def scenario() -> None:
        pinned = client(pki.ca, pins=(pin_of(pki.server),))
        assert "pinned" in await refused_by(pinned, serving(swapped))
        async with serve(serving(swapped)) as served:
            with pytest.raises(PinMismatchError):
                await asyncio.open_connection(
                    "127.0.0.1", served.port, ssl=pinned, server_hostname="localhost"
                )

    run(scenario())


def test_a_pin_replaces_no_other_check(pki: Pki, run: Run) -> None:
    own = issue(pki.folder, "own")
    late = issue(pki.folder, "late", by=pki.ca, start=NOW - 9 * DAY, end=NOW - DAY)

    async def scenario() -> None:
        assert "self-signed" in await refused_by(client(pki.ca, pins=(pin_of(own),)), serving(own))
        assert "expired" in await refused_by(client(pki.ca, pins=(pin_of(late),)), serving(late))

    run(scenario())


def test_a_blocking_socket_cannot_pass_the_pins_by(pki: Pki) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        with connection, pytest.raises((ssl.SSLError, OSError)):
            serving(pki.server).wrap_socket(connection, server_side=True).close()

    thread = threading.Thread(target=answer)
    thread.start()
    pinned = client(pki.ca, pins=(pin_of(pki.server),))
    with socket.create_connection(listener.getsockname()) as plain, pytest.raises(PinMismatchError):
        pinned.wrap_socket(plain, server_hostname="localhost")
    thread.join(5)
    listener.close()


def test_no_environment_variable_makes_it_write_session_keys(pki: Pki) -> None:
    log = pki.folder / "keys.log"
    script = (
        "import ssl\n"
        "from yett.upstreams.tls import client_context\n"
        f"made = client_context(ca={str(pki.ca.path)!r}, client_certificate=None, client_key=None)\n"
        "print(made.keylog_filename, int(made.verify_mode), made.check_hostname)\n"
    )
    environment = os.environ | {"SSLKEYLOGFILE": str(log), "PYTHONHTTPSVERIFY": "0"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )

    assert done.stdout.split() == ["None", "2", "True"]
    assert not log.exists()


def test_each_thing_that_is_wrong_is_named(pki: Pki) -> None:
    def wrong(**settings: Any) -> str:
        with pytest.raises(ConfigurationError) as caught:
            client(pki.ca, **settings)
        return str(caught.value)

    server, key = str(pki.server.path), str(pki.server.key_path)
    other = issue(pki.folder, "other")
    none = str(pki.folder / "none")

    assert "come together" in wrong(client_certificate=server)
    assert "come together" in wrong(client_key=key)
    assert "cannot be used" in wrong(client_certificate=none, client_key=key)
    assert "cannot be used" in wrong(client_certificate=server, client_key=none)
    assert "cannot be used" in wrong(client_certificate=server, client_key=str(other.key_path))
    for pin in ("", "sha256/", "x", "sha1/AAAA", "AAAA", "é"):
        assert "not a pin" in wrong(pins=(pin,))
    pki.server.key_path.chmod(0o644)
    assert "everybody" in wrong(client_certificate=server, client_key=key)
    for ca in (none, key):
        with pytest.raises(ConfigurationError, match="CA"):
            client_context(ca=ca, client_certificate=None, client_key=None)
