"""What feeds keep: bounded for each session, each owner and in all; nobody loses anything for somebody else."""

import pytest

from yett.core import bounds
from yett.core.notices import MESSAGE as SAYING
from yett.core.notices import PROGRESS, together
from yett.edge.mcp.events import EventLog, Feed, Shelf
from yett.edge.mcp.legacy_post import _OldLine
from yett.edge.mcp.line import NoticeLine

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


# several at once


def carried(feed: Feed, after: int = 0) -> bytes:
    return b"".join(portion.data for write in feed._behind(after) for portion in write)


@pytest.mark.parametrize("primes", [False, True])
@pytest.mark.parametrize("counts", [[1], [2, 3], [127, 1, 2], [128], [129, 30, 1]])
def test_messages_that_are_put_together_are_numbered_and_carried_one_by_one(
    counts: list[int], *, primes: bool
) -> None:
    log = EventLog("a", Shelf())
    at_once, one_by_one = feed_of(log, primes=primes), feed_of(log, primes=primes)
    one_by_one._prefix = at_once._prefix
    messages = [b'"%d"' % number for number in range(sum(counts))]
    start = 0
    for count in counts:
        at_once.put_all(messages[start : start + count])
        for message in messages[start : start + count]:
            one_by_one.put(message)
        start += count

    for after in range(len(messages) + primes + 1):
        assert carried(at_once, after) == carried(one_by_one, after)
    assert len(at_once.events) < len(one_by_one.events) or max(counts) == 1


def test_one_write_carries_so_many_bytes_at_most() -> None:
    log = EventLog("a", Shelf())
    feed = feed_of(log)
    for size in (10, 30_000, 30_000, 30_000, 70_000, 10, 70_000):
        feed.put(b'"%b"' % (b"x" * size))
    writes = feed._behind(0)

    assert [len(write) for write in writes] == [3, 1, 1, 1, 1]
    assert all(sum(len(each.data) for each in write) <= 65_536 for write in writes if len(write) > 1)  # fmt: skip


def test_what_was_put_together_is_forgotten_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "EVENTS_PER_SESSION_MAX", 50)
    feed = feed_of(EventLog("a", Shelf()))
    feed.put_all([MESSAGE] * 30)
    feed.put_all([MESSAGE] * 8)
    feed.put_all([MESSAGE] * 22)

    assert [(portion.number, portion.last) for portion in feed.events] == [(31, 38), (39, 60)]
    assert carried(feed, 45).count(MESSAGE) == 15


@pytest.mark.parametrize("version", ["2025-06-18", "2024-11-05"])
@pytest.mark.parametrize("level", [None, "error", "debug"])
@pytest.mark.parametrize("token", [None, 1, "ünï"])
def test_a_line_says_several_as_it_says_each(
    version: str, level: str | None, token: int | str | None
) -> None:
    steps = [[b'"progress":%d,"message":"a"' % step for step in steps] for steps in ((1, 2), (2, 3), (5, 9))]  # fmt: skip
    said = [together(PROGRESS, members) for members in steps]
    said.append(
        together(SAYING, [b'"level":"%b","data":"x"' % each for each in (b"info", b"error")])
    )
    told: tuple[list[bytes], list[bytes]] = ([], [])
    lines = [NoticeLine(found.extend, token=token, log_level=level) for found in told]
    heard = lines if version != "2024-11-05" else list(map(_OldLine, lines))
    for several in said:
        assert several is not None
        heard[0].tell(several)
        for notice in several.singly():
            heard[1].tell(notice)

    assert told[0] == told[1]
    assert len(told[0]) == (0 if token is None else 5) + {None: 0, "error": 1, "debug": 2}[level]
