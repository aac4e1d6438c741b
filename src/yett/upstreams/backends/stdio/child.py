"""One process: started without a shell and with nothing inherited, bounded, and ended with its whole
group (MCP, stdio: Shutdown; THREATS.md E01, E02)."""

import asyncio
import os
import resource
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Final, Protocol, cast, final

import msgspec

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.upstreams.backends.stdio.lines import LastWords, LineReader, LineTooLong
from yett.upstreams.backends.stdio.pace import TURN_SECONDS_MAX, Pace

_STDIN: Final = 0
_STDOUT: Final = 1
_STDERR: Final = 2

# What may wait in the pipe to a process that does not read its input.
UNREAD_BYTES_MAX: Final = 8 * 1024 * 1024
FILES_MAX: Final = 4096

_AFTER_INPUT_SECONDS: Final = 1.0
_AFTER_TERMINATE_SECONDS: Final = 2.0
_AFTER_KILL_SECONDS: Final = 1.0
_STATUS_SECONDS: Final = 0.1


@final
class Launch(msgspec.Struct, frozen=True):
    """How to start a server. command and environment are asked at each start, so that a secret is
    as fresh as can be. base_environment: all else it sees. cwd: None is that of the gateway."""

    command: Callable[[], Awaitable[tuple[str, ...]]]
    environment: Callable[[], Awaitable[dict[str, Secret]]]
    base_environment: Mapping[str, str]
    cwd: str | None = None


class Listener(Protocol):
    def answers(self, lines: list[bytes]) -> int:
        """Take, of lines of standard output without their ends, the first ones that somebody waits for; return how
        many there were. The others are taken one by one."""
        ...

    def notices(self, lines: list[bytes], start: int) -> int:
        """Take those from `start` on that say alike things about one call; return how many there were."""
        ...

    def line(self, line: bytes) -> bool:
        """One line. Returns whether somebody waited for it."""
        ...

    def ended(self, why: str, *, broken: bool) -> None:
        """Nothing more will come. broken: it wrote what is not a line of the protocol."""
        ...


@final
class Child(asyncio.SubprocessProtocol):
    """Keeps no task of its own."""

    def __init__(self, words: LastWords, loop: asyncio.AbstractEventLoop) -> None:
        self._words = words
        self._lines = LineReader()
        self._listener: Listener | None = None
        self._loop = loop
        self._exited: asyncio.Future[int | None] = loop.create_future()
        self._input: asyncio.WriteTransport | None = None
        self._pid = 0
        self._stopping = False
        self._gone = False
        self._pace = Pace()
        self._waiting: deque[bytes] = deque()
        self._turn: asyncio.Handle | None = None
        self._held = False
        self._unsent: list[bytes] = []
        self._room_bytes = 0

    def attach(self, listener: Listener) -> None:
        self._listener = listener

    def write(self, line: bytes) -> bool:
        """Write one line, with its end; False if it cannot be, and then nothing of it will be written."""
        unsent = self._unsent
        # What comes in the same turn of the loop finds the same, but for what was said in it.
        if not unsent:
            stdin = self._input
            if stdin is None or stdin.is_closing():
                return False
            self._room_bytes = UNREAD_BYTES_MAX - stdin.get_write_buffer_size()
        if self._room_bytes < 0:
            return False
        if not unsent:
            self._loop.call_soon(self._send)
        unsent.append(line)
        self._room_bytes -= len(line)
        return True

    def _send(self) -> None:
        """Write what was said in one turn of the loop at once: each write may wake the process, and it runs instead
        of us."""
        lines, self._unsent = self._unsent, []
        if lines and self._input is not None and not self._input.is_closing():
            self._input.write(b"".join(lines))

    def end(self, why: str, *, broken: bool = False) -> None:
        """Tell the listener, once, and kill what is left of the process group."""
        listener, self._listener = self._listener, None
        self._waiting.clear()
        if self._turn is not None:
            self._turn.cancel()
        if listener is not None:
            listener.ended(why, broken=broken)
        if not self._stopping:
            self._signal(signal.SIGKILL)
            self._transport.close()

    async def stop(self) -> None:
        """End the process politely, then firmly: at most four seconds."""
        self._listener = None
        self._stopping = True
        if self._input is not None:
            self._send()
            self._input.close()
        await self.wait(_AFTER_INPUT_SECONDS)
        if not self._exited.done():
            self._signal(signal.SIGTERM)
            await self.wait(_AFTER_TERMINATE_SECONDS)
        self._signal(signal.SIGKILL)  # also what the process itself started and left behind
        await self.wait(_AFTER_KILL_SECONDS)
        self._transport.close()

    async def wait(self, seconds: float) -> int | None:
        """Return the status that the process ended with, or None if it still runs."""
        await asyncio.wait({self._exited}, timeout=seconds)
        return self._exited.result() if self._exited.done() else None

    def _signal(self, number: signal.Signals) -> None:
        if self._gone:  # the number may belong to somebody else by now
            return
        with suppress(ProcessLookupError, PermissionError):  # nobody left; or only zombies
            os.killpg(self._pid, number)

    # asyncio.SubprocessProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self._pid = self._transport.get_pid()
        self._input = cast("asyncio.WriteTransport", self._transport.get_pipe_transport(_STDIN))

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        chunk = cast("bytes", data)
        if fd == _STDERR:
            started = perf_counter()
            self._words.feed(chunk)
            self._spend(perf_counter() - started)
            return
        try:
            lines = self._lines.feed(chunk)
        except LineTooLong:
            self.end("it wrote a line that is too long", broken=True)
            return
        if self._listener is not None and self._turn is None and not self._waiting:
            count = self._listener.answers(lines)
            if count:
                self._pace.forgive()
            if count == len(lines):  # most often all of it is what somebody waits for
                return
            started = perf_counter()
            told = self._listener.notices(lines, count)
            if told:
                self._spend(perf_counter() - started)
            lines = lines[count + told :]
        self._waiting.extend(lines)
        if self._turn is None:
            self._take_turn()

    def _take_turn(self) -> None:
        """Hand lines over, but not for so long that others have to wait."""
        self._turn = None
        waiting = self._waiting
        unasked = 0.0
        began = at = perf_counter()
        while waiting and at - began < TURN_SECONDS_MAX:
            listener = self._listener
            if listener is None:
                waiting.clear()
                return
            was_awaited = listener.line(waiting.popleft())
            before, at = at, perf_counter()
            if was_awaited:
                self._pace.forgive()
            else:
                unasked += at - before
        self._spend(unasked)

    def _spend(self, unasked: float) -> None:
        """Go on reading: at once, after others had their turn, or when its share allows it."""
        now = perf_counter()
        delay = self._pace.spend(unasked, now) if unasked else 0.0
        if self._turn is not None:
            return
        if not delay and not self._waiting:
            self._hold_reading(hold=False)
            return
        self._hold_reading(hold=True)
        self._turn = self._loop.call_later(delay, self._take_turn)
        self._pace.hold(delay, now)
        if self._pace.is_flooding():
            self.end("it does not stop talking", broken=True)

    def _hold_reading(self, *, hold: bool) -> None:
        if hold is self._held:
            return
        self._held = hold
        for fd in (_STDOUT, _STDERR):
            pipe = cast("asyncio.ReadTransport | None", self._transport.get_pipe_transport(fd))
            if pipe is None or pipe.is_closing():
                continue
            if hold:
                pipe.pause_reading()
            else:
                pipe.resume_reading()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        if fd in (_STDIN, _STDOUT):  # most often because it ended, and how says more
            self._loop.call_later(
                _STATUS_SECONDS, self.end, "it closed its end of the conversation"
            )

    def process_exited(self) -> None:
        if self._exited.done():
            return
        code = self._transport.get_returncode()
        self._exited.set_result(code)
        self._signal(signal.SIGKILL)  # what it started must not outlive it
        self._gone = True
        # What it said last may still be in the pipe; an heir of the pipe must not keep it open.
        self._loop.call_later(_STATUS_SECONDS, self.end, f"it ended with status {code}")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        code = self._transport.get_returncode()
        self.end("it ended" if code is None else f"it ended with status {code}")


async def start(launch: Launch, words: LastWords) -> Child:
    """Raises:
    Fault: UPSTREAM_UNREACHABLE, not sent: the program cannot be started. And what resolving the
        command or a secret raises.
    """
    command = await launch.command()
    secrets = await launch.environment()
    environment = dict(launch.base_environment)
    environment.update((name, secret.reveal_text()) for name, secret in secrets.items())
    if any("\0" in text for text in (*command, *environment, *environment.values())):
        raise _fault(command, "its command or environment holds a NUL character")  # CWE-158
    loop = asyncio.get_running_loop()
    try:
        transport, child = await loop.subprocess_exec(
            lambda: Child(words, loop),
            *command,
            cwd=launch.cwd,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise _fault(command, _describe(error, launch.cwd)) from None
    _limit(transport.get_pid())
    return child


def _limit(pid: int) -> None:
    """No core dumps (they would hold secrets) and a bounded number of files.

    From outside, because code between fork and exec is not safe beside threads.
    """
    prlimit = getattr(resource, "prlimit", None)  # Linux only
    if prlimit is None:
        return
    try:
        prlimit(pid, resource.RLIMIT_CORE, (0, 0))
        _, hard = prlimit(pid, resource.RLIMIT_NOFILE)
        files = FILES_MAX if hard == resource.RLIM_INFINITY else min(FILES_MAX, hard)
        prlimit(pid, resource.RLIMIT_NOFILE, (files, files))
    except (ProcessLookupError, PermissionError):
        pass  # it is gone already, or has other rights than we do


def _fault(command: tuple[str, ...], why: str) -> Fault:
    program = command[0].partition("\0")[0] if command else ""
    return Fault(Reason.UPSTREAM_UNREACHABLE, f"cannot start `{program}`: {why}")


def _describe(error: OSError, cwd: str | None) -> str:
    if cwd is not None and not Path(cwd).is_dir():
        return f"the directory `{cwd}` does not exist"
    if isinstance(error, FileNotFoundError):
        return "no such program; install it or give its full path"
    return error.strerror or "the system refuses"
