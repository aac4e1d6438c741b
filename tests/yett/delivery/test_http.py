"""A webhook is told once per attempt, at the address that was named, and cannot hold whoever tells it."""

import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.receivers import authority, hook
from yett.core.secret import Secret
from yett.delivery import Undelivered, connection, http
from yett.delivery.http import post, signature, signed_headers

KEY = Secret("k" * 32)


def test_a_signature_binds_the_time_and_every_byte() -> None:
    signatures = {
        signature(KEY, 1, b"a"),
        signature(KEY, 2, b"a"),
        signature(KEY, 1, b"b"),
        signature(Secret("other"), 1, b"a"),
        signature(KEY, 11, b""),
    }
    assert len(signatures) == 5


def test_it_arrives_signed_and_only_at_whom_the_authority_vouches_for(tmp_path: Path) -> None:
    known = authority(tmp_path)
    with hook(known.context) as listener:
        url = urlsplit(f"https://localhost:{listener.port}/told?by=yett")
        post(url, b'{"a":1}', signed_headers(KEY, 7.5, b'{"a":1}'), ca=str(known.ca.path))
        with pytest.raises(Undelivered, match="certificate is not trusted"):
            post(url, b'{"a":2}')

    assert [(one.path, one.body) for one in listener.got] == [("/told?by=yett", b'{"a":1}')]
    assert listener.got[0].headers["Yett-Signature"] == signature(KEY, 7, b'{"a":1}')


@pytest.mark.parametrize("status", [301, 307, 404, 500])
def test_no_redirection_is_followed_and_what_is_not_taken_is_said(status: int) -> None:
    with hook(None, status) as listener, pytest.raises(Undelivered, match=f"answered {status}"):
        post(urlsplit(f"http://127.0.0.1:{listener.port}/"), b"{}")

    assert len(listener.got) == 1


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with hook() as listener:
        post(urlsplit(f"http://127.0.0.1:{listener.port}/"), b"{}")

    assert len(listener.got) == 1


def test_no_session_key_is_written_for_whoever_sets_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    assert connection.client_context(None).keylog_filename is None


def test_an_answer_that_drips_for_ever_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "SECONDS_MAX", 0.3)
    with hook(drips=True) as listener:
        began = time.monotonic()
        with pytest.raises(Undelivered):
            post(urlsplit(f"http://127.0.0.1:{listener.port}/"), b"{}")

    assert time.monotonic() - began < 2


def test_nobody_there_and_no_such_name_are_said() -> None:
    with pytest.raises(Undelivered, match="refused"):
        post(urlsplit("http://127.0.0.1:9/"), b"{}")
    with pytest.raises(Undelivered):
        post(urlsplit(f"http://{'a' * 64}.invalid/"), b"{}")


def test_files_of_authorities_that_are_none_are_said(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    for path in ("ca.pem", "gone.pem"):
        with pytest.raises(Undelivered, match="authorities"):
            connection.client_context(str(tmp_path / path))


def test_an_older_tls_is_not_spoken(tmp_path: Path) -> None:
    assert connection.client_context(None).minimum_version is ssl.TLSVersion.TLSv1_2
