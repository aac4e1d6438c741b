"""Streams that stay open: what many of them cost, and that they hold nobody up."""

import sys
from pathlib import Path

import pytest
from bench.streams import LEGACY, Figures, measure

from tests.attacks.crowd import Caller, chunks
from tests.outside.gate import Agent, Gate, as_yaml, running, seconds_until_closed, stream_of
from tests.outside.upstream import MODERN

STREAMS = 100
MEGABYTE = 2**20
NOTES = as_yaml([sys.executable, "-m", "yett.assurance.notes"])


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(
        tmp_path,
        f'servers:\n  notes: {{command: {NOTES}}}\nroles: {{reader: ["notes.*:read"]}}\n',
    )


def test_an_open_stream_does_not_hold_up_the_end_of_the_gate(gate: Gate) -> None:
    key = gate.key("listener")
    with running(gate), stream_of(Agent(gate, key, LEGACY, "/mcp/notes")) as stream:
        assert gate.process is not None
        gate.process.terminate()

        assert gate.process.wait(5) == 0
        assert seconds_until_closed(stream) < 1


async def test_who_listens_is_told_that_the_gate_ends(gate: Gate) -> None:
    key = gate.key("listener")
    with running(gate):
        listener = Caller(gate.port, key.secret, MODERN, "/mcp/notes")
        async with listener.stream() as reader:
            parts = chunks(reader)
            first = await anext(parts)
            assert gate.process is not None
            gate.process.terminate()
            last = b"".join([part async for part in parts])
        assert gate.process.wait(5) == 0

    assert b"notifications/subscriptions/acknowledged" in first
    assert b'"result"' in last


async def test_a_hundred_streams_cost_little_and_each_is_told_of_a_change(tmp_path: Path) -> None:
    figures: Figures = await measure(tmp_path, STREAMS, [LEGACY, MODERN], 1.0)

    assert figures.memory_each * 1000 < 60 * MEGABYTE
    assert figures.told == STREAMS
    assert figures.cpu < 0.1
