"""Attacks on a secret after it was rotated or deleted: what listens to a server for hours, and what is said beside the
calls, must not go on sending what was current when it began."""

import asyncio
import contextlib
import hashlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from tests.outside.gate import REST, ROOT, Agent, Gate, children_of, running
from tests.outside.upstream import wait_until
from tests.servers.mcp_http import HttpServer, Request, Writer, chunk

TAKES_EFFECT_SECONDS: Final = 1.5
PROMISED_SECONDS: Final = 5.0
ERAS: Final = ("legacy", "modern")
PING: Final = chunk(b'data: {"jsonrpc":"2.0","id":"there","method":"ping"}\n\n')
END: Final = chunk(b"")


class Listened:
    """A server that announces changes, and may be away. heard: the credential of each request."""

    def __init__(self, era: str) -> None:
        self.heard: list[str] = []
        self.away = False
        self.server = HttpServer(era, announces=True, oddity=self._note)

    async def _note(self, request: Request, writer: Writer) -> bool:
        self.heard.append(request.headers.get("authorization", ""))
        if self.away:
            writer.transport.abort()
        return self.away

    async def is_listened_to(self, times: int) -> None:
        async with asyncio.timeout(15):
            while len(self.server.ears) < times:
                await asyncio.sleep(0.02)


def configuration(legacy: str, modern: str, secret: str) -> str:
    return f"""\
servers:
  legacy: {{url: "{legacy}", credential: {{bearer: secret:{secret}}}}}
  modern: {{url: "{modern}", credential: {{bearer: secret:{secret}}}}}
roles: {{reader: ["legacy.*:read", "modern.*:read"]}}
"""


@contextlib.asynccontextmanager
async def listened_to(folder: Path) -> AsyncIterator[tuple[Gate, list[Listened]]]:
    servers = [Listened(era) for era in ERAS]
    async with servers[0].server as one, servers[1].server as two:
        gate = Gate(folder, configuration(one.url, two.url, "token"))
        for name, value in (("token", "the-first-value"), ("other", "the-other-value")):
            words = ("secret", "set", name, "--server", "legacy", "--server", "modern")
            await asyncio.to_thread(gate.yett, *words, text=value)
        await asyncio.to_thread(gate.start)
        try:
            for server in servers:
                await server.is_listened_to(1)
            yield gate, servers
        finally:
            await asyncio.to_thread(gate.stop)


async def rotated(gate: Gate) -> None:
    await asyncio.to_thread(gate.yett, "secret", "rotate", "token", text="the-second-value")
    await asyncio.sleep(TAKES_EFFECT_SECONDS)


async def test_a_stream_that_is_opened_again_gets_the_secret_of_today(tmp_path: Path) -> None:
    async with listened_to(tmp_path) as (gate, servers):
        assert {value for server in servers for value in server.heard} == {"Bearer the-first-value"}
        await rotated(gate)
        for server in servers:
            server.heard.clear()
            server.server.ears[-1].write(PING + END)
        for server in servers:
            await server.is_listened_to(2)
        seen = {value for server in servers for value in server.heard}

        await asyncio.to_thread(gate.yett, "secret", "remove", "token")
        await asyncio.sleep(TAKES_EFFECT_SECONDS)
        for server in servers:
            server.heard.clear()
            server.server.ears[-1].write(PING + END)
        await asyncio.sleep(0.5)
        for server in servers:
            server.server.drop_connections()
        await asyncio.sleep(2.5)

    assert seen == {"Bearer the-second-value"}
    assert [server.heard for server in servers] == [[], []], "it was deleted"


async def test_a_server_that_was_away_is_asked_with_the_secret_of_today(tmp_path: Path) -> None:
    async with listened_to(tmp_path) as (gate, servers):
        for server in servers:
            server.away = True
            server.server.drop_connections()
        await rotated(gate)
        for server in servers:
            server.heard.clear()
        await asyncio.sleep(2.5)
        for server in servers:
            server.away = False
        for server in servers:
            await server.is_listened_to(2)
        seen = {value for server in servers for value in server.heard}

    assert seen == {"Bearer the-second-value"}


async def test_another_secret_is_for_the_address_that_it_stands_beside(tmp_path: Path) -> None:
    """One server moves away and gets another secret, the other one only gets another secret."""
    async with listened_to(tmp_path) as (gate, servers), HttpServer(announces=True) as elsewhere:
        stays = servers[1]
        gate.configure(configuration(elsewhere.url, stays.server.url, "other"))
        async with asyncio.timeout(15):
            while not elsewhere.ears:
                await asyncio.sleep(0.02)
        stays.heard.clear()
        stays.server.ears[-1].write(END)
        await stays.is_listened_to(2)

    assert {*servers[0].heard} == {"Bearer the-first-value"}
    assert {*stays.heard} == {"Bearer the-other-value"}


def test_a_program_does_not_go_on_with_a_secret_that_was_rotated_or_removed(
    tmp_path: Path,
) -> None:
    """It answers with the digest of what it was started with."""
    text = (ROOT / "tests" / "servers" / "one_word_stdio.py").read_text()
    digest = 'hashlib.sha256(os.environ["TOKEN"].encode()).hexdigest()[:8]'
    program = tmp_path / "program.py"
    program.write_text("import hashlib, os\n" + text.replace('"word"}', digest + "}"))
    gate = Gate(
        tmp_path,
        f"""\
servers:
  it: {{command: [{sys.executable}, {program}], env: {{TOKEN: "secret:token"}}}}
  other: {{command: [{sys.executable}, {program}], env: {{TOKEN: "secret:other"}}}}
roles: {{reader: ["it.*:read", "other.*:read"]}}
""",
    )
    for name, server in (("token", "it"), ("other", "other")):
        gate.yett("secret", "set", name, "--server", server, text=f"first-{name}")
    agent = Agent(gate, gate.key("one"), REST)

    def says(server: str, value: str) -> bool:
        answer = agent.call(server, "say")
        return (
            answer.status == 200 and answer.text == hashlib.sha256(value.encode()).hexdigest()[:8]
        )

    with running(gate):
        wait_until(lambda: says("it", "first-token") and says("other", "first-other"), 20)
        processes = {*children_of(gate.pid)}
        gate.yett("secret", "rotate", "token", text="second-token")
        wait_until(lambda: says("it", "second-token"), PROMISED_SECONDS)
        assert says("other", "first-other")
        wait_until(lambda: len(processes & {*children_of(gate.pid)}) == 1, PROMISED_SECONDS)
        gate.yett("secret", "remove", "token")
        wait_until(lambda: agent.call("it", "say").status != 200, PROMISED_SECONDS)
        wait_until(lambda: len({*children_of(gate.pid)}) == 1, PROMISED_SECONDS)
