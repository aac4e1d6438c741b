"""A call that its server broke off is made once more only where the operator says that twice is as good as once."""

import threading
from collections.abc import Iterator

import pytest

from tests.outside.gate import DOORS, Agent, Gate, Key, running
from tests.outside.upstream import Odd, Upstream, serving, tool, wait_until


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
