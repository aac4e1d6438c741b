"""The development certificate of a gate that is never restarted."""

import ssl
from pathlib import Path

from cryptography import x509

from tests.certificates import connect, serve
from yett.core.clock import SystemClock
from yett.core.errors import ConfigurationError
from yett.edge.authority import ensure_development_certificate
from yett.edge.renewal import hourly_renewal
from yett.edge.tls import ReloadingContext

DAY = 86400.0


class HandClock:
    """Starts in the past, so that what is issued in it may be out of date by the real clock, too."""

    def __init__(self, at: float) -> None:
        self.at = at

    def wall(self) -> float:
        return self.at

    def monotonic(self) -> float:
        raise AssertionError("a machine that sleeps does not count those seconds")


def serial(path: Path) -> int:
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


def silent(error: ConfigurationError) -> None:
    raise AssertionError(error)


async def test_handshakes_get_the_new_certificate_without_a_restart(tmp_path: Path) -> None:
    clock = HandClock(SystemClock().wall() - 25 * DAY)
    certificate, key, ca = ensure_development_certificate(tmp_path, (), clock=clock)
    before = serial(certificate)
    complaints: list[str] = []
    renew = hourly_renewal(tmp_path, (), clock=clock, report=complaints.append)
    context = ReloadingContext(certificate, key, clock=clock, report=silent)

    clock.at += 25 * DAY  # five are left
    renew()
    context.refresh()

    client = ssl.create_default_context(cafile=str(ca))
    async with serve(context.context) as served, connect(served.port, client) as line:
        assert await line.say("hello") == "hello"
        assert line.peer.serial_number == serial(certificate) != before
    assert complaints == []


def test_it_looks_once_an_hour_and_keeps_what_is_good(tmp_path: Path) -> None:
    clock = HandClock(1_800_000_000.0)
    certificate, _, _ = ensure_development_certificate(tmp_path, (), clock=clock)
    before = serial(certificate)
    renew = hourly_renewal(tmp_path, (), clock=clock, report=print)

    clock.at += 10 * DAY
    renew()
    assert serial(certificate) == before

    certificate.unlink()
    clock.at += 60
    renew()
    assert not certificate.exists()
    clock.at += 3600
    renew()
    assert serial(certificate) != before


def test_a_clock_that_goes_back_is_another_hour_too(tmp_path: Path) -> None:
    clock = HandClock(1_800_000_000.0)
    renew = hourly_renewal(tmp_path, (), clock=clock, report=print)

    clock.at -= 30 * DAY
    renew()

    assert (tmp_path / "tls" / "server.pem").exists()


def test_what_cannot_be_written_is_reported_and_tried_again(tmp_path: Path) -> None:
    clock = HandClock(1_800_000_000.0)
    complaints: list[str] = []
    renew = hourly_renewal(tmp_path, (), clock=clock, report=complaints.append)
    (tmp_path / "tls").write_text("in the way")

    for _ in range(2):
        clock.at += 3600
        renew()
        renew()
    assert len(complaints) == 2
    assert "cannot be renewed" in complaints[0]

    (tmp_path / "tls").unlink()
    clock.at += 3600
    renew()
    assert (tmp_path / "tls" / "server.pem").exists()
