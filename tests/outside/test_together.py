"""Sixteen callers at once, whose lines are written together: some hang up at any moment, the disk fills, the gate is told to
stop or is killed. Whatever was sent is recorded, and nobody waits for ever."""

import asyncio
import contextlib
import json
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.attacks.crowd import keys_for, read_head
from tests.outside.gate import Gate
from tests.outside.refusing import disk_full
from tests.outside.upstream import Odd, Upstream, serving, tool, wait_until
from yett.audit.backends.directory import DirectorySource

CALLERS: Final = 16
_TOOLS: Final = ("look", "change", "look", "none")
_HANGS_UP_EACH: Final = 5
_LEAVES_SECONDS_MAX: Final = 0.006
_ANSWER_SECONDS_MAX: Final = 10.0


@pytest.fixture
def rec() -> Iterator[Upstream]:
    with serving(tool("look"), tool("change", reads=False)) as found:
        yield found


@pytest.fixture
def gate(tmp_path: Path, rec: Upstream) -> Iterator[Gate]:
    text = (
        f"servers: {{rec: {{url: {rec.url}}}}}\n"
        'roles: {worker: ["rec.*:read", "rec.*:write"]}\n'
        "limits: {breaker: {failures: 100000}}\n"
    )
    found = Gate(tmp_path, text)
    try:
        yield found
    finally:
        found.kill()


class Crowd:
    """answers: the status of each call that had one, by its word. ends: whether the callers stop. hang_ups: how many calls
    were not waited for."""

    def __init__(self, gate: Gate, keys: list[str]) -> None:
        self.answers: dict[str, int] = {}
        self.hang_ups = 0
        self.ends = False
        self._gate = gate
        self._callers = [asyncio.create_task(self._call(n, key)) for n, key in enumerate(keys)]

    async def many(self, more: int) -> None:
        """Wait until so many more calls are answered."""
        wanted = len(self.answers) + more
        async with asyncio.timeout(30):
            while len(self.answers) < wanted:
                await asyncio.sleep(0.01)

    async def end(self) -> None:
        self.ends = True
        await asyncio.gather(*self._callers)

    async def _call(self, number: int, key: str) -> None:
        chance = random.Random(number)
        count = 0
        while not self.ends:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._gate.port)
                try:
                    stays = True
                    while stays and not self.ends:
                        count += 1
                        stays = chance.randrange(_HANGS_UP_EACH) > 0
                        word = f"{number}-{count}"
                        writer.write(self._request(key, _TOOLS[count % len(_TOOLS)], word))
                        if stays:
                            async with asyncio.timeout(_ANSWER_SECONDS_MAX):
                                self.answers[word] = await _status(reader)
                        else:
                            await asyncio.sleep(chance.uniform(0.0, _LEAVES_SECONDS_MAX))
                            self.hang_ups += 1
                finally:
                    writer.transport.abort()
            await asyncio.sleep(0.001)

    def _request(self, key: str, name: str, word: str) -> bytes:
        body = json.dumps({"tool": f"rec/{name}", "input": {"word": word}})
        return (
            f"POST /execute HTTP/1.1\r\nHost: 127.0.0.1:{self._gate.port}\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


async def _status(reader: asyncio.StreamReader) -> int:
    status, headers = await read_head(reader)
    await reader.readexactly(int(headers["content-length"]))
    if headers.get("connection") == "close":
        raise ConnectionError(status)
    return status


class Written:
    """What the log holds. intents, outcomes, singles: by id. words: of the intents."""

    def __init__(self, gate: Gate) -> None:
        assert gate.yett("audit", "verify").startswith("ok ")
        source = DirectorySource(gate.data / "audit")
        lines = [json.loads(line.data) for part in source.segments() for line in source.lines(part)]
        self.intents = _by_id(lines, "intent")
        self.outcomes = _by_id(lines, "outcome")
        self.singles = _by_id(lines, "refusal")
        self.words = {line["input"]["word"]: id_ for id_, line in self.intents.items()}

    def check(self, rec: Upstream, crowd: Crowd) -> None:
        """What is so whatever happened."""
        reached = [seen.message["params"]["arguments"]["word"] for seen in rec.works]
        assert not [word for word, times in Counter(reached).items() if times > 1]
        assert set(reached) <= self.words.keys()
        assert len(self.words) == len(self.intents)
        assert not self.intents.keys() & self.singles.keys()
        assert self.outcomes.keys() <= self.intents.keys()
        assert all(
            line["intent"] == self.intents[id_]["sequence"] for id_, line in self.outcomes.items()
        )
        given = {word for word, status in crowd.answers.items() if status == 200}
        assert given <= set(reached)
        assert {self.outcomes[self.words[word]]["status"] for word in given} == {"ok"}
        assert crowd.hang_ups > 0


def _by_id(lines: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    some = [line for line in lines if line["kind"] == kind]
    found = {line["id"]: line for line in some}
    assert len(found) == len(some), f"a second {kind} of one request"
    return found


def begun(gate: Gate) -> Crowd:
    keys = keys_for(gate.data, [f"caller{n}" for n in range(CALLERS)], "worker")
    gate.start()
    wait_until(lambda: gate.execute("rec", "look", keys[0], word="first").status == 200)
    return Crowd(gate, keys)


async def test_who_hangs_up_leaves_one_whole_record_and_whose_disk_is_full_is_refused(
    gate: Gate, rec: Upstream
) -> None:
    crowd = begun(gate)
    await crowd.many(300)
    for _ in range(4):
        with disk_full(gate.pid):
            await asyncio.sleep(0.1)
        await asyncio.to_thread(wait_until, gate.is_ready)
        await crowd.many(100)
    await crowd.end()
    assert gate.stop() == 0

    written = Written(gate)
    written.check(rec, crowd)
    assert 503 in crowd.answers.values()
    lost = written.intents.keys() - written.outcomes.keys()
    answered = {written.words[word] for word, status in crowd.answers.items() if status == 200 and word in written.words}  # fmt: skip
    assert not lost & answered


async def test_what_waits_for_a_loop_that_stood_still_is_written_together(
    gate: Gate, rec: Upstream
) -> None:
    crowd = begun(gate)
    for _ in range(5):
        await crowd.many(50)
        os.kill(gate.pid, signal.SIGSTOP)
        await asyncio.sleep(0.2)
        os.kill(gate.pid, signal.SIGCONT)
    await crowd.many(50)
    await crowd.end()
    assert gate.stop() == 0

    written = Written(gate)
    written.check(rec, crowd)
    assert written.intents.keys() == written.outcomes.keys()
    assert set(crowd.answers.values()) == {200, 404}


async def test_who_is_told_to_stop_ends_all_that_it_has_begun(gate: Gate, rec: Upstream) -> None:
    crowd = begun(gate)
    await crowd.many(300)
    code = await asyncio.to_thread(gate.stop)
    await crowd.end()

    written = Written(gate)
    written.check(rec, crowd)
    assert code == 0
    assert written.intents.keys() == written.outcomes.keys()
    assert set(crowd.answers.values()) <= {200, 404}


async def test_who_is_told_to_stop_at_once_writes_that_it_left_what_was_under_way(
    gate: Gate, rec: Upstream
) -> None:
    crowd = begun(gate)
    await crowd.many(100)
    rec.offer.odd["look"] = rec.offer.odd["change"] = Odd(delay=20.0)
    await asyncio.sleep(0.3)
    for _ in range(2):  # the second time is meant
        os.kill(gate.pid, signal.SIGTERM)
        await asyncio.sleep(0.3)
    assert await asyncio.to_thread(gate.stop) == 0
    await crowd.end()

    written = Written(gate)
    written.check(rec, crowd)
    assert written.intents.keys() == written.outcomes.keys()
    statuses = Counter(line["status"] for line in written.outcomes.values())
    assert statuses["unknown"] >= CALLERS // 2


async def test_who_is_killed_has_written_all_that_it_sent(gate: Gate, rec: Upstream) -> None:
    crowd = begun(gate)
    await crowd.many(300)
    gate.kill()
    await crowd.end()

    Written(gate).check(rec, crowd)
