"""Attacks promise 10 (no caller stops another) from the side of connections: very many of them, held
open by somebody without a key; and callers who ask for large answers and do not read them."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from yett.core.secret import Secret
from yett.edge.http import listener as listening
from yett.edge.http.connection import Connection
from yett.edge.http.listener import Listener
from yett.edge.http.message import Request, Response

PLACES = 40
MEGABYTE = 1024 * 1024
ASK = b"GET / HTTP/1.1\r\nHost: gate\r\n\r\n"
ASK_AS_SOMEBODY = b"GET / HTTP/1.1\r\nHost: gate\r\nAuthorization: good\r\n\r\n"
ASK_ONCE = b"GET / HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n"


class Scene:
    """A listener with few places, and what it was asked."""

    def __init__(
        self, *, body: bytes, slow: bool = False, unread_bytes_max: int = 8 * MEGABYTE
    ) -> None:
        self.asked = 0
        self.unfit = 0
        self._body = body
        self._slow = slow
        self.listener = Listener(
            self._answer, connections_max=PLACES, unread_bytes_max=unread_bytes_max
        )
        self.port = 0

    async def _answer(self, request: Request) -> Response:
        self.asked += 1
        self.unfit += request.unfit is not None
        if request.head.headers.get(b"authorization") == b"good":
            request.head.credential = Secret(b"good")
            request.head.credential.note = "somebody's"
        if self._slow:
            await asyncio.sleep(30)
        return Response(200, self._body)

    async def call(self, source: str = "127.0.0.1") -> bytes:
        loop = asyncio.get_running_loop()
        with socket.socket() as agent:
            agent.bind((source, 0))
            agent.setblocking(False)  # noqa: FBT003 - of socket
            await loop.sock_connect(agent, ("127.0.0.1", self.port))
            await loop.sock_sendall(agent, ASK_ONCE)
            return await asyncio.wait_for(loop.sock_recv(agent, 65_536), 1.0)

    def connect(self, data: bytes = b"", *, receive: int | None = None) -> socket.socket:
        agent = socket.socket()
        if receive is not None:
            agent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        agent.connect(("127.0.0.1", self.port))
        agent.sendall(data)
        return agent

    def unread(self) -> int:
        return sum(
            item.transport.get_write_buffer_size()
            for item in self.listener._connections
            if isinstance(item, Connection)
        )


@contextlib.asynccontextmanager
async def serving(
    *, body: bytes = b"{}", slow: bool = False, unread_bytes_max: int = 8 * MEGABYTE
) -> AsyncIterator[Scene]:
    scene = Scene(body=body, slow=slow, unread_bytes_max=unread_bytes_max)
    scene.port = await scene.listener.start("127.0.0.1", 0)
    try:
        yield scene
    finally:
        await scene.listener.stop(grace_seconds=0)


@pytest.mark.parametrize("said", [b"", b"GET / HTT", ASK], ids=["nothing", "a part", "one request"])
@pytest.mark.parametrize("source", ["127.0.0.2", "127.0.0.1"])
async def test_one_who_holds_every_place_shuts_nobody_out(said: bytes, source: str) -> None:
    async with serving() as scene:
        held = [scene.connect(said) for _ in range(2 * PLACES)]
        await asyncio.sleep(0.1)
        try:
            for _ in range(10):
                assert (await scene.call(source)).startswith(b"HTTP/1.1 200")
            assert len(scene.listener._connections) <= PLACES
        finally:
            for agent in held:
                agent.close()


async def test_who_is_being_served_is_not_cut_for_a_newcomer() -> None:
    async with serving(slow=True) as scene:
        served = [scene.connect(ASK) for _ in range(PLACES)]
        await asyncio.sleep(0.1)
        late = scene.connect(ASK)
        await asyncio.sleep(0.1)
        try:
            assert scene.asked == PLACES
            assert len(scene.listener._connections) == PLACES
        finally:
            for agent in (*served, late):
                agent.close()


async def test_one_address_keeps_its_share_and_no_more_without_a_credential() -> None:
    """Each asks now and then, so none of them idles until its time is up."""
    async with serving() as scene:
        held = [scene.connect(ASK) for _ in range(PLACES - 10)]
        friend = scene.connect(ASK_AS_SOMEBODY)
        await asyncio.sleep(2.5)
        try:
            assert len(scene.listener._connections) == 1 + PLACES // 8
            assert await _still_served(friend)
        finally:
            for agent in (*held, friend):
                agent.close()


async def test_whose_credential_was_good_is_not_cut_for_strangers_of_the_same_address() -> None:
    async with serving() as scene:
        friends = [scene.connect(ASK_AS_SOMEBODY) for _ in range(PLACES // 2)]
        await asyncio.sleep(0.1)
        strangers = []
        for _ in range(3 * PLACES):
            strangers.append(scene.connect(ASK))
            await asyncio.sleep(0.002)  # each is served before the next one comes
        try:
            assert [await _still_served(friend) for friend in friends] == [True] * len(friends)
        finally:
            for agent in (*friends, *strangers):
                agent.close()


async def test_a_stranger_who_reads_no_answer_keeps_no_place() -> None:
    async with serving(body=b"x" * 4 * MEGABYTE, unread_bytes_max=1024 * MEGABYTE) as scene:
        held = [scene.connect(ASK, receive=4096) for _ in range(2 * PLACES)]
        await asyncio.sleep(0.5)
        try:
            assert (await scene.call("127.0.0.2")).startswith(b"HTTP/1.1 200")
        finally:
            for agent in held:
                agent.close()


async def test_who_reads_no_answer_does_not_put_off_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listening, "_LEAVING_SECONDS", 0.3)
    async with serving(body=b"x" * MEGABYTE) as scene:
        agents = [scene.connect(asked, receive=4096) for asked in (ASK, ASK_ONCE, ASK * 3)]
        await asyncio.sleep(0.2)
        started = asyncio.get_running_loop().time()
        await scene.listener.stop(grace_seconds=10)
        took = asyncio.get_running_loop().time() - started
        for agent in agents:
            agent.close()

        assert took < 2


async def test_a_running_call_has_its_time_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_LEAVING_SECONDS", 0.0)
    async with serving(slow=True) as scene:
        agent = scene.connect(ASK)
        await asyncio.sleep(0.1)
        started = asyncio.get_running_loop().time()
        await scene.listener.stop(grace_seconds=0.5)
        agent.close()

        assert asyncio.get_running_loop().time() - started >= 0.5


async def test_what_is_not_http_behind_a_running_call_is_refused_all_the_same() -> None:
    async with serving(slow=True) as scene:
        agent = scene.connect(ASK)
        await asyncio.sleep(0.1)
        agent.sendall(b"\x00\x01 not HTTP\r\n\r\n")
        await asyncio.sleep(0.1)
        agent.close()

        assert (scene.asked, scene.unfit) == (2, 1)


async def _still_served(agent: socket.socket) -> bool:
    """Whether a connection that was left open answers once more."""
    agent.setblocking(False)  # noqa: FBT003 - of socket
    loop = asyncio.get_running_loop()
    try:
        await asyncio.wait_for(loop.sock_recv(agent, 65_536), 1)  # what it was answered before
        await loop.sock_sendall(agent, ASK)
        return (await asyncio.wait_for(loop.sock_recv(agent, 65_536), 1)).startswith(
            b"HTTP/1.1 200"
        )
    except OSError:
        return False


async def test_who_reads_no_answer_gets_no_further_one_made() -> None:
    async with serving(body=b"x" * 4 * MEGABYTE) as scene:
        agent = scene.connect(ASK * 12, receive=4096)
        await asyncio.sleep(0.3)
        try:
            assert scene.asked <= 2
            assert scene.unread() <= 4 * MEGABYTE
        finally:
            agent.close()


async def test_many_who_read_nothing_do_not_fill_the_memory() -> None:
    async with serving(body=b"x" * MEGABYTE) as scene:
        agents = [scene.connect(ASK * 3, receive=4096) for _ in range(20)]
        await asyncio.sleep(0.5)
        try:
            assert scene.unread() <= 9 * MEGABYTE
        finally:
            for agent in agents:
                agent.close()


@pytest.mark.parametrize("asked", [ASK, ASK_ONCE], ids=["kept", "last"])
async def test_an_answer_is_not_kept_for_ever(asked: bytes) -> None:
    """Whether or not more is to come on the connection, it has a deadline that asking does not move."""
    async with serving(body=b"x" * 4 * MEGABYTE) as scene:
        agent = scene.connect(asked, receive=4096)
        await asyncio.sleep(0.2)
        agent.sendall(ASK)
        await asyncio.sleep(0.1)
        try:
            [connection] = scene.listener._connections
            assert connection.deadline < asyncio.get_running_loop().time() + 120
        finally:
            agent.close()


async def test_who_reads_slowly_gets_everything_all_the_same() -> None:
    async with serving(body=b"x" * MEGABYTE) as scene:
        agent = scene.connect(ASK * 3, receive=65_536)
        agent.setblocking(False)  # noqa: FBT003 - of socket
        loop = asyncio.get_running_loop()
        received = 0
        while received < 3 * MEGABYTE:
            received += len(await asyncio.wait_for(loop.sock_recv(agent, 65_536), 5))
        agent.close()

        assert scene.asked == 3


@pytest.mark.parametrize(
    "endless",
    [
        b"GET /" + b"x" * 65_536,
        b"GET / HTTP/1.1\r\nX: " + b"x" * 65_536,
        b"GET / HTTP/1.1\r\n" + b"x" * 65_536,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 65_536,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * 65_536,
        b"\r\n" * 32_768,
    ],
    ids=["target", "value", "name", "extension of a chunk", "trailer", "line ends"],
)
async def test_a_field_that_never_ends_is_cut_and_not_kept(endless: bytes) -> None:
    """The parser tells of a field when it is whole, and keeps what it has until then."""
    async with serving() as scene:
        agent = scene.connect()
        agent.setblocking(False)  # noqa: FBT003 - of socket
        loop = asyncio.get_running_loop()
        sent = 0
        with contextlib.suppress(ConnectionError):
            await loop.sock_sendall(agent, endless)
            for _ in range(1_000):
                await loop.sock_sendall(agent, b"x" * 65_536)
                sent += 65_536
                await asyncio.sleep(0)
        agent.close()

        assert sent < 16 * MEGABYTE


async def test_pipelined_requests_wait_with_who_sent_them() -> None:
    """A caller whose call takes long cannot make the gate hold all that it sends meanwhile."""
    body = b"x" * (MEGABYTE // 2)
    post = b"POST / HTTP/1.1\r\nHost: gate\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    async with serving(slow=True) as scene:
        agent = scene.connect(ASK)
        agent.setblocking(False)  # noqa: FBT003 - of socket
        sent = 0
        with contextlib.suppress(BlockingIOError):
            for _ in range(400):
                sent += agent.send(post)
                await asyncio.sleep(0.002)
        agent.close()

        assert sent < 16 * MEGABYTE


async def test_pipelined_requests_are_all_answered_in_the_end() -> None:
    async with serving() as scene:
        agent = scene.connect(ASK * 5)
        agent.setblocking(False)  # noqa: FBT003 - of socket
        loop = asyncio.get_running_loop()
        received = b""
        while received.count(b"HTTP/1.1 200") < 5:
            received += await asyncio.wait_for(loop.sock_recv(agent, 65_536), 2)
        await loop.sock_sendall(agent, ASK)
        assert b"HTTP/1.1 200" in await asyncio.wait_for(loop.sock_recv(agent, 65_536), 2)
        agent.close()
