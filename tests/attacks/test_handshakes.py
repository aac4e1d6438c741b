"""Attacks promise 10 from below HTTP: connections that begin TLS and never end it, and a process that
has no file left for one more connection."""

import asyncio
import contextlib
import resource
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.certificates import NOW, issue
from tests.clock import HandClock
from yett.edge.http import acceptor
from yett.edge.http.listener import Listener
from yett.edge.http.message import Request, Response
from yett.edge.tls import server_context

PLACES = 40
ASK = b"GET / HTTP/1.1\r\nHost: gate\r\n\r\n"
CLIENT_HELLO_BEGINS = b"\x16\x03\x01\x02\x00\x01\x00"

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    return request.param  # type: ignore[no-any-return]  # pytest does not know


class Scene:
    """A listener that speaks TLS and has few places."""

    def __init__(self, folder: Path) -> None:
        ca = issue(folder, "ca", ca=True)
        issued = issue(folder, "served", by=ca)
        self.context = server_context(issued.path, issued.key_path, clock=HandClock(NOW))
        self.trust = ssl.create_default_context(cafile=str(ca.path))
        self.port = 0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Listener]:
        listener = Listener(self._answer, connections_max=PLACES)
        self.port = await listener.start("127.0.0.1", 0, context=self.context)
        try:
            yield listener
        finally:
            await listener.stop(grace_seconds=0)

    async def _answer(self, request: Request) -> Response:
        return Response(200, b"{}")

    async def call(self, source: str = "127.0.0.1") -> bytes:
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(
                "127.0.0.1",
                self.port,
                ssl=self.trust,
                server_hostname="localhost",
                local_addr=(source, 0),
            ),
            3,
        )
        writer.write(ASK)
        answer = await asyncio.wait_for(reader.readline(), 3)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return answer

    def connect(self, said: bytes) -> socket.socket:
        agent = socket.create_connection(("127.0.0.1", self.port))
        agent.sendall(said)
        return agent


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def is_closed(agent: socket.socket) -> bool:
    agent.setblocking(False)  # noqa: FBT003 - of socket
    try:
        return agent.recv(1024) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("said", [b"", CLIENT_HELLO_BEGINS], ids=["nothing", "half a hello"])
@pytest.mark.parametrize("source", ["127.0.0.2", "127.0.0.1"])
def test_handshakes_that_never_end_take_nobodys_place(
    run: Run, scene: Scene, said: bytes, source: str
) -> None:
    async def attack() -> None:
        async with scene.serving() as listener:
            held = [scene.connect(said) for _ in range(3 * PLACES)]
            await asyncio.sleep(0.2)
            for _ in range(5):
                assert await scene.call(source) == b"HTTP/1.1 200 OK\r\n"
            assert len(listener._connections) <= PLACES
            assert sum(not is_closed(agent) for agent in held) <= PLACES
            for agent in held:
                agent.close()

    run(attack())


def test_a_handshake_has_a_deadline(
    run: Run, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptor, "HANDSHAKE_SECONDS_MAX", 0.3)

    async def attack() -> None:
        async with scene.serving() as listener:
            held = [scene.connect(said) for said in (b"", CLIENT_HELLO_BEGINS, ASK)]
            await asyncio.sleep(0.8)
            assert all(is_closed(agent) for agent in held)
            assert len(listener._connections) == 0
            assert await scene.call() == b"HTTP/1.1 200 OK\r\n"
            for agent in held:
                agent.close()

    run(attack())


def test_at_the_end_nobody_waits_for_a_handshake(run: Run, scene: Scene) -> None:
    async def attack() -> None:
        async with scene.serving() as listener:
            agent = scene.connect(CLIENT_HELLO_BEGINS)
            await asyncio.sleep(0.1)
            started = time.monotonic()
            await listener.stop(grace_seconds=10)
            assert time.monotonic() - started < 1
            agent.close()

    run(attack())


def test_a_hundred_at_once_are_all_served_in_the_end(run: Run, scene: Scene) -> None:
    """Whoever was cut for another comes again; early data behind the handshake is not lost."""

    async def visit() -> None:
        served = 0
        while served < 3:
            with contextlib.suppress(ConnectionError):
                assert await scene.call() == b"HTTP/1.1 200 OK\r\n"
                served += 1

    async def crowd() -> None:
        async with scene.serving(), asyncio.timeout(60):
            for _ in range(4):
                await asyncio.gather(*(visit() for _ in range(PLACES // 2)))

    run(crowd())


@contextlib.contextmanager
def files_left(count: int) -> Iterator[None]:
    """Let this process open `count` more files only."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1 + count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_a_file_for_one_more_connection_the_loop_does_not_spin(
    run: Run, scene: Scene
) -> None:
    async def attack() -> None:
        async with scene.serving():
            agents = [socket.socket() for _ in range(20)]
            for agent in agents:
                agent.setblocking(False)  # noqa: FBT003 - of socket
            with files_left(2):
                for agent in agents:
                    with contextlib.suppress(BlockingIOError):
                        agent.connect(("127.0.0.1", scene.port))
                await asyncio.sleep(0.1)
                before = time.process_time()
                await asyncio.sleep(1.5)
                spent = time.process_time() - before
            for agent in agents:
                agent.close()
            await asyncio.sleep(1)
            assert spent < 0.3
            assert await scene.call() == b"HTTP/1.1 200 OK\r\n"

    run(attack())
