"""TLS as a user meets it: the development CA, plain HTTP refused, certificates renewed on the fly."""

import contextlib
import http.client
import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import issue
from tests.outside.gate import DOORS, Agent, Gate, running
from tests.outside.upstream import Upstream, serving, tool, wait_until


@pytest.fixture(scope="module")
def rec() -> Iterator[Upstream]:
    with serving(tool("look")) as found:
        yield found


def configuration(rec: Upstream, tls: str) -> str:
    return (
        f'tls: {{{tls}}}\nservers: {{rec: {{url: {rec.url}}}}}\nroles: {{reader: ["rec.*:read"]}}\n'
    )


def trusting(ca: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def test_the_development_ca_serves_https_and_nothing_else(tmp_path: Path, rec: Upstream) -> None:
    gate = Gate(tmp_path, configuration(rec, "development_ca: true"))
    key = gate.key("one", "reader")
    gate.tls = _trust_anything()
    with running(gate):
        gate.tls = trusting(gate.data / "tls" / "ca.pem")
        statuses = [Agent(gate, key, door).call("rec", "look", word="x").status for door in DOORS]
        plain = gate.raw(
            f"GET /v1/key HTTP/1.1\r\nHost: 127.0.0.1:{gate.port}\r\nAuthorization: Bearer {key.secret}\r\n\r\n".encode()
        )
        gate.tls = ssl.create_default_context()
        with pytest.raises(ssl.SSLCertVerificationError):
            gate.request("GET", "/healthz")
        old = _trust_anything()
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        gate.tls = old
        with pytest.raises((ssl.SSLError, ConnectionError)):
            gate.request("GET", "/healthz")
        gate.tls = _trust_anything()
        said = gate.printed()

    assert statuses == [200] * 4
    assert not plain.startswith(b"HTTP/1.1 2")
    assert b"reason" not in plain
    assert f"https://127.0.0.1:{gate.port}" in said
    for name in ("ca-key.pem", "server-key.pem"):
        assert (gate.data / "tls" / name).stat().st_mode & 0o077 == 0


def _trust_anything() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_a_new_certificate_is_served_without_a_restart_and_a_bad_one_is_not(
    tmp_path: Path, rec: Upstream
) -> None:
    authority = issue(tmp_path, "authority", ca=True)
    first = issue(tmp_path, "first", by=authority)
    gate = Gate(tmp_path, configuration(rec, "certificate: served.pem, key: served-key.pem"))
    _install(tmp_path, "first")
    key = gate.key("one", "reader")
    gate.tls = trusting(authority.path)
    with running(gate):
        assert _serial(gate) == first.certificate.serial_number
        kept = gate.connection()
        assert gate.request("GET", "/healthz", on=kept).status == 200
        second = issue(tmp_path, "second", by=authority)
        _install(tmp_path, "second")
        wait_until(lambda: _serial(gate) == second.certificate.serial_number, 6, each=0.2)
        (tmp_path / "served.pem").write_text("not a certificate")
        wait_until(lambda: "TLS:" in gate.printed(), 6, each=0.2)
        assert _serial(gate) == second.certificate.serial_number
        assert gate.request("GET", "/healthz", on=kept).status == 200
        kept.close()
        assert gate.execute("rec", "look", key, word="x").status == 200


def _install(folder: Path, name: str) -> None:
    for old, new in ((f"{name}-key.pem", "served-key.pem"), (f"{name}.pem", "served.pem")):
        shutil.copy(folder / old, folder / ".copy")
        (folder / ".copy").chmod(0o600)
        (folder / ".copy").rename(folder / new)


def _serial(gate: Gate) -> int:
    assert gate.tls is not None
    with (
        socket.create_connection(("127.0.0.1", gate.port), 5) as plain,
        gate.tls.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        found = secure.getpeercert()
        assert found is not None
        return int(str(found["serialNumber"]), 16)


def test_it_refuses_to_start_without_a_usable_certificate(tmp_path: Path, rec: Upstream) -> None:
    gate = Gate(tmp_path, configuration(rec, "certificate: served.pem, key: served-key.pem"))
    missing = gate.run("up")
    authority = issue(tmp_path, "authority", ca=True)
    issue(tmp_path, "one", by=authority)
    issue(tmp_path, "other", by=authority)
    shutil.copy(tmp_path / "one.pem", tmp_path / "served.pem")
    shutil.copy(tmp_path / "other-key.pem", tmp_path / "served-key.pem")
    (tmp_path / "served-key.pem").chmod(0o600)
    mixed = gate.run("up")

    for done in (missing, mixed):
        assert done.returncode in (1, 2)
        assert "served" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_half_open_handshake_holds_nobody_up(tmp_path: Path, rec: Upstream) -> None:
    gate = Gate(tmp_path, configuration(rec, "development_ca: true"))
    key = gate.key("one", "reader")
    gate.tls = _trust_anything()
    with running(gate), contextlib.ExitStack() as stack:
        for _ in range(20):
            silent = stack.enter_context(socket.create_connection(("127.0.0.1", gate.port), 5))
            silent.sendall(b"\x16\x03\x01\x02\x00")
        assert gate.execute("rec", "look", key, word="x").status == 200


def test_plain_http_beyond_loopback_is_refused_before_anything_starts(
    tmp_path: Path, rec: Upstream
) -> None:
    gate = Gate(tmp_path, f'servers: {{rec: {{url: {rec.url}}}}}\nroles: {{reader: ["rec.*:read"]}}\n')  # fmt: skip
    gate.config.write_text(
        gate.config.read_text().replace("listen: 127.0.0.1", "listen: 0.0.0.0", 1)
    )
    done = gate.run("up")

    assert done.returncode == 2
    assert "tls" in done.stderr.lower()
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", gate.port, timeout=1).connect()
