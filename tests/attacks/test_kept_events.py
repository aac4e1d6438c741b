"""Attacks on memory by very many small events, which are kept for agents that may come back."""

import tracemalloc

from yett.core import bounds
from yett.edge.mcp.events import EventLog, Shelf

FEEDS = 80_000
SESSIONS = 100


def test_small_events_take_no_more_room_than_is_counted() -> None:
    """As many calls as a busy key makes in five minutes, each with a stream that says next to nothing."""
    tracemalloc.start()
    try:
        shelf = Shelf()
        logs = [EventLog("key", shelf) for _ in range(SESSIONS)]
        for number in range(FEEDS):
            feed = logs[number % SESSIONS].open(general=False, primes=True)
            feed.put(b"{}")
            feed.end()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert taken < 1.5 * bounds.EVENT_BYTES_PER_PRINCIPAL_MAX
    assert sum(log.size for log in logs) <= bounds.EVENT_BYTES_PER_PRINCIPAL_MAX
