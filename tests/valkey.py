"""A Valkey or Redis of the test's own, on a free port of loopback; it keeps nothing on the disk.

with serving_valkey() as valkey:
    valkey.url  # redis://127.0.0.1:PORT
"""

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.needs import valkey_program
from tests.outside.gate import free_port

_START_SECONDS_MAX: Final = 10.0


@dataclass
class Valkey:
    """password: None if it asks for none. folder: where it keeps what it is told to keep."""

    port: int
    folder: Path
    password: str | None = None
    arguments: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        program = valkey_program()
        assert program is not None, (
            "neither Valkey nor Redis is installed; mark the test with `needs_valkey`"
        )
        secret = ("--requirepass", self.password) if self.password else ()
        self._process = subprocess.Popen(
            [
                program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder),
                "--save", "", *secret, *self.arguments,
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        started = time.monotonic()
        while not self._answers():
            assert time.monotonic() - started < _START_SECONDS_MAX, "it does not answer"
            time.sleep(0.02)

    def say(self, *words: str) -> bytes:
        """Send one command and return the beginning of what it answers."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            said = [("AUTH", self.password)] if self.password else []
            answer = b""
            for command in (*said, words):
                parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in command]
                connection.sendall(f"*{len(parts)}\r\n{''.join(parts)}".encode())
                answer = connection.recv(65536)
        return answer

    def kill(self) -> None:
        """End it at once, with all that it knew."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Let it hear, and not answer."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return self.say("PING").startswith(b"+PONG")
        return False


@contextlib.contextmanager
def serving_valkey(*arguments: str, password: str | None = None) -> Iterator[Valkey]:
    """Serve one until the block ends. arguments: for its command line."""
    folder = Path(tempfile.mkdtemp(prefix="yett-valkey-"))
    valkey = Valkey(free_port(), folder, password, arguments)
    try:
        valkey.start()
        yield valkey
    finally:
        with contextlib.suppress(Exception):
            valkey.resume()
        with contextlib.suppress(Exception):
            valkey.kill()
        shutil.rmtree(folder, ignore_errors=True)
