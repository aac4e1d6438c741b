"""A call that its server broke off is made once more only where the operator says that twice is as good as once."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outside.gate import DOORS, Agent, Answer, Gate, Key, running
from tests.outside.upstream import MODERN, Odd, Upstream, serving, tool, wait_until
from tests.servers.mcp_http import HttpServer, Request, Writer, whole
from yett.core.bounds import NOTICES_PER_CALL_MAX


@pytest.fixture(name="house", scope="module")
def _house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gate, Upstream, Key]]:
    with serving(tool("look"), tool("add")) as server:
        gate = Gate(
            tmp_path_factory.mktemp("retries"),
            f"servers: {{s: {{url: {server.url}, tools: {{look: {{idempotent: true}}}}}}}}\n"
            'roles: {reader: ["s.*:read"]}\n',
        )
        key = gate.key("one", "reader")
        with running(gate):
            wait_until(lambda: gate.execute("s", "add", key, word="a").status == 200)
            yield gate, server, key


def calls_of(server: Upstream, name: str) -> int:
    asked = (seen.message for seen in server.seen)
    return sum(one.get("method") == "tools/call" and one["params"]["name"] == name for one in asked)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("name", "times"), [("look", 2), ("add", 1)])
def test_it_is_asked_once_more_only_where_that_is_allowed(
    house: tuple[Gate, Upstream, Key], door: str, name: str, times: int
) -> None:
    gate, server, key = house
    agent = Agent(gate, key, door)
    before = calls_of(server, name)
    server.offer.odd[name] = Odd(hang_up=True)

    def mend() -> None:
        wait_until(lambda: calls_of(server, name) > before, each=0.005)
        server.offer.odd.pop(name)

    mending = threading.Thread(target=mend)
    mending.start()
    answer = agent.call("s", name, word="a")
    mending.join()

    assert calls_of(server, name) == before + times
    assert answer.is_refusal is (times == 1)
    record = gate.record_of(answer)
    assert record["status"] == ("unknown" if times == 1 else "ok")


async def test_of_what_both_tries_said_as_much_is_heard_as_one_call_may_say(tmp_path: Path) -> None:
    said = NOTICES_PER_CALL_MAX * 3 // 5
    tries: list[int] = []

    async def talk_much(request: Request, writer: Writer) -> bool:
        if request.method != "tools/call":
            return False
        token = request.message["params"]["_meta"]["progressToken"]
        first = len(tries) * said
        tries.append(token)
        event = 'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%d,"progress":%d}}\n\n'
        events = "".join(event % (token, first + step) for step in range(said))
        end = '"error":{"code":-32020,"message":"other headers, please"}'  # so it is asked again
        if len(tries) > 1:
            end = '"result":{"resultType":"complete","content":[{"type":"text","text":"done"}]}'
        events += f'data: {{"jsonrpc":"2.0","id":{request.message["id"]},{end}}}\n\n'
        writer.write(whole(events.encode(), kind="text/event-stream"))
        return True

    async with HttpServer(oddity=talk_much) as server:
        gate = Gate(
            tmp_path,
            f"servers: {{s: {{url: {server.url}, tools: {{echo: {{access: read}}}}}}}}\n"
            'roles: {reader: ["s.*:read"]}\n',
        )
        answer, record = await asyncio.to_thread(ask_and_listen, gate)

    assert len(tries) == 2
    assert b'"text":"done"' in answer.body
    assert answer.body.count(b'"notifications/progress"') == NOTICES_PER_CALL_MAX
    assert f'"progress":{NOTICES_PER_CALL_MAX - 1},'.encode() in answer.body
    assert f'"progress":{NOTICES_PER_CALL_MAX},'.encode() not in answer.body
    assert record["notices"] == 2 * said


def ask_and_listen(gate: Gate) -> tuple[Answer, dict[str, object]]:
    key = gate.key("one", "reader")
    with running(gate):
        agent = Agent(gate, key, MODERN)
        wait_until(agent.tools)
        message = agent.message("tools/call", {"name": "s__echo", "arguments": {}})
        message["params"]["_meta"]["progressToken"] = "mine"
        headers = agent.headers("tools/call", message["params"])
        answer = gate.request("POST", "/mcp", message, key=key, headers=headers)
        record = next(one for one in gate.records() if one.get("notices"))
    return answer, record
