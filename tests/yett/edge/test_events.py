"""What feeds keep: bounded for each session, each owner and in all; nobody loses anything for somebody else."""

import pytest

from yett.core import bounds
from yett.edge.mcp.events import EventLog, Feed, Shelf

MESSAGE = b'{"jsonrpc":"2.0","method":"x"}'


def feed_of(log: EventLog, *, general: bool = False, primes: bool = False) -> Feed:
    return log.open(general=general, primes=primes)


def kept(feed: Feed) -> list[int]:
    return [event.number for event in feed.events]


def test_events_are_numbered_and_their_ids_lead_back() -> None:
    log = EventLog("a", Shelf())
    feed, other = feed_of(log), feed_of(log, general=True)
    feed.put(MESSAGE)
    other.put(MESSAGE)
    identifiers = [each.events[0].data.split(b"\n")[1].removeprefix(b"id: ").decode() for each in (feed, other)]  # fmt: skip

    assert [log.find(identifier) for identifier in identifiers] == [
        (feed, 1, False),
        (other, 1, True),
    ]
    assert EventLog("a", Shelf()).find(identifiers[0]) is None
    assert [log.find(text) for text in ("", "1", identifiers[0] + "x", identifiers[0].upper())] == [
        None
    ] * 4


def test_a_session_keeps_so_many_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "EVENTS_PER_SESSION_MAX", 3)
    log = EventLog("a", Shelf())
    first, second = feed_of(log), feed_of(log)
    for _ in range(2):
        first.put(MESSAGE)
        second.put(MESSAGE)

    assert (kept(first), kept(second)) == ([2], [1, 2])


def test_a_session_keeps_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "EVENT_BYTES_PER_SESSION_MAX", 10_000)
    log = EventLog("a", Shelf())
    feed = feed_of(log)
    for _ in range(100):
        feed.put(b'"%b"' % (b"x" * 1000))

    assert log.size <= 10_000
    assert log.size == sum(event.size for event in feed.events)
    assert kept(feed)[-1] == 100


def test_an_owner_who_fills_many_sessions_loses_its_own_oldest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "EVENT_BYTES_PER_PRINCIPAL_MAX", 10_000)
    shelf = Shelf()
    quiet = feed_of(EventLog("quiet", shelf))
    quiet.put(MESSAGE)
    logs = [EventLog("loud", shelf) for _ in range(20)]
    for log in logs:
        feed_of(log).put(b"x" * 2000)

    assert sum(log.size for log in logs) <= 10_000
    assert kept(quiet) == [1]


def test_when_all_is_full_the_owner_who_has_most_loses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "EVENT_BYTES_MAX", 20_000)
    shelf = Shelf()
    small = [feed_of(EventLog(f"small-{number}", shelf)) for number in range(5)]
    for feed in small:
        feed.put(b"x" * 1000)
    large = EventLog("large", shelf)
    flooded = feed_of(large)
    for _ in range(100):
        flooded.put(b"x" * 1000)

    assert [kept(feed) for feed in small] == [[1]] * 5
    assert large.size <= 20_000 - 5_000
    assert kept(flooded)[-1] == 100


def test_what_is_too_old_is_forgotten_and_so_is_its_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    log = EventLog("a", shelf)
    ended, running = feed_of(log), feed_of(log)
    for feed in (ended, running):
        feed.put(MESSAGE)
    identifier = ended.events[0].data.split(b"\n")[1].removeprefix(b"id: ").decode()
    ended.end()
    shelf.expire()
    assert log.find(identifier) == (ended, 1, False)
    monkeypatch.setattr(bounds, "EVENT_SECONDS_MAX", -1.0)
    shelf.expire()

    assert log.size == 0
    assert log.find(identifier) == (None, 1, False)
    running.put(MESSAGE)
    assert kept(running) == [2]


def test_a_session_that_ends_keeps_nothing_and_takes_nothing() -> None:
    shelf = Shelf()
    log = EventLog("a", shelf)
    feed = feed_of(log, primes=True)
    feed.put(MESSAGE)
    log.close()
    feed.put(MESSAGE)
    feed.end()

    assert (log.size, kept(feed), feed.is_ended) == (0, [], True)
    shelf.expire()


def test_an_empty_event_comes_first_where_the_version_knows_it() -> None:
    log = EventLog("a", Shelf())
    primed, plain = feed_of(log, primes=True), feed_of(log)
    for feed in (primed, plain):
        feed.begin()
        feed.begin()

    assert [event.data.endswith(b"retry: 1000\ndata: \n\n") for event in primed.events] == [True]
    assert kept(plain) == []
    assert primed.is_begun
    assert plain.is_begun
