"""Where alerts go, on loopback: a webhook, a mail server and a collector of logs that speak the protocol.

Each serves in a thread, keeps what it got in `got`, and can be told to be slow or to refuse.
"""

import base64
import contextlib
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.certificates import Issued, issue

_WAIT_SECONDS_MAX: Final = 10.0


class Authority(NamedTuple):
    ca: Issued
    server: Issued

    @property
    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server.path, self.server.key_path)
        return context


def authority(folder: Path) -> Authority:
    ca = issue(folder, "receivers-ca", ca=True)
    return Authority(ca, issue(folder, "receiver", by=ca))


class Posted(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class Hook:
    """statuses: answered in turn; after them 204. drips: the answer comes a byte at a time, without end."""

    def __init__(self, context: ssl.SSLContext | None, *statuses: int, drips: bool = False) -> None:
        self.got: list[Posted] = []
        self.statuses = list(statuses)
        self.drips = drips
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append(Posted(self.path, dict(self.headers), body))
                with contextlib.suppress(OSError):
                    hook._answer(self)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a handshake that failed is meant
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_port

    def _answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        while self.drips:
            handler.wfile.write(b"H")
            time.sleep(0.05)
        status = self.statuses.pop(0) if self.statuses else 204
        handler.send_response(status)
        handler.send_header("Location", f"http://127.0.0.1:{self.port}/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()


@contextlib.contextmanager
def hook(
    context: ssl.SSLContext | None = None, *statuses: int, drips: bool = False
) -> Iterator[Hook]:
    found = Hook(context, *statuses, drips=drips)
    thread = threading.Thread(target=found._server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.drips = False
        found._server.shutdown()
        found._server.server_close()


class Mailed(NamedTuple):
    """secured: it came over TLS. login: user and password, if there was one."""

    secured: bool
    login: tuple[str, str] | None
    sender: str
    receivers: list[str]
    text: str


class _Letter:
    """What was said of one so far."""

    def __init__(self, *, secured: bool) -> None:
        self.secured = secured
        self.login: tuple[str, str] | None = None
        self.sender = ""
        self.receivers: list[str] = []

    def hear(self, line: bytes) -> bytes:
        """Return the answer to one command; empty for a greeting."""
        match line.split(maxsplit=1)[0].upper():
            case b"EHLO":
                return b""
            case b"AUTH":
                _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
                self.login = (user, password)
            case b"MAIL":
                self.sender, self.receivers = _address(line), []
            case b"RCPT" if _address(line).endswith("refused.example"):
                return b"550 no such user\r\n"
            case b"RCPT":
                self.receivers.append(_address(line))
            case _:
                pass
        return b"235 welcome\r\n" if line.startswith(b"AUTH") else b"250 ok\r\n"

    def done(self, text: str) -> Mailed:
        return Mailed(self.secured, self.login, self.sender, list(self.receivers), text)


class MailServer:
    """SMTP as RFC 5321 has it, with STARTTLS or TLS from the start; refuses receivers at `refused.example`."""

    def __init__(
        self, context: ssl.SSLContext, *, at_once: bool = False, offers: bool = True
    ) -> None:
        self.got: list[Mailed] = []
        self._context = context
        self._at_once = at_once
        self._offers = offers
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection:
                self._talk(connection)

    def _talk(self, raw: socket.socket) -> None:
        raw.settimeout(_WAIT_SECONDS_MAX)
        connection = self._context.wrap_socket(raw, server_side=True) if self._at_once else raw
        connection.sendall(b"220 receiver ESMTP\r\n")
        letter = _Letter(secured=self._at_once)
        with connection.makefile("rb") as lines:
            if not self._at_once:
                while not (line := lines.readline()).startswith(b"STARTTLS"):
                    if not line:
                        return
                    connection.sendall(self._greeting(offers=self._offers))
                connection.sendall(b"220 go on\r\n")
        if not self._at_once:
            connection, letter.secured = self._context.wrap_socket(raw, server_side=True), True
        with connection, connection.makefile("rb") as lines:
            while (line := lines.readline()) and not line.upper().startswith(b"QUIT"):
                if line.upper().startswith(b"DATA"):
                    connection.sendall(b"354 go on\r\n")
                    text = b""
                    while (part := lines.readline()) not in (b".\r\n", b""):
                        text += part
                    self.got.append(letter.done(text.decode()))
                connection.sendall(letter.hear(line) or self._greeting(offers=False))
            connection.sendall(b"221 bye\r\n")

    def _greeting(self, *, offers: bool) -> bytes:
        return b"250-receiver\r\n" + b"250-STARTTLS\r\n" * offers + b"250 AUTH PLAIN\r\n"

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # or whoever waits in `accept` would take one more
        self._socket.close()


def _address(line: bytes) -> str:
    return line.decode().partition("<")[2].partition(">")[0]


@contextlib.contextmanager
def mail_server(
    context: ssl.SSLContext, *, at_once: bool = False, offers: bool = True
) -> Iterator[MailServer]:
    found = MailServer(context, at_once=at_once, offers=offers)
    threading.Thread(target=found.serve, daemon=True).start()
    try:
        yield found
    finally:
        found.close()


class Collector:
    """Syslog over TLS (RFC 5425); `got`: messages without their lengths."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.got: list[bytes] = []
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def serve(self) -> None:
        while True:
            try:
                raw, _ = self._socket.accept()
            except OSError:
                return
            raw.settimeout(_WAIT_SECONDS_MAX)
            with (
                contextlib.suppress(OSError),
                raw,
                self._context.wrap_socket(raw, server_side=True) as connection,
            ):
                self._read(connection)

    def _read(self, connection: ssl.SSLSocket) -> None:
        with connection.makefile("rb") as stream:
            length = b""
            while byte := stream.read(1):
                if byte != b" ":
                    length += byte
                    continue
                self.got.append(stream.read(int(length)))
                length = b""

    def stop(self) -> None:
        """Take no further connection, not even one that somebody waits for already."""
        with contextlib.suppress(OSError):  # it was stopped before
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.stop()
        self._socket.close()


@contextlib.contextmanager
def collector(context: ssl.SSLContext) -> Iterator[Collector]:
    found = Collector(context)
    threading.Thread(target=found.serve, daemon=True).start()
    try:
        yield found
    finally:
        found.close()
