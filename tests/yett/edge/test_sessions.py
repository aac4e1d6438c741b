"""Sessions are bounded for each owner, and nobody loses one because of somebody else."""

import pytest

from yett.core import bounds
from yett.edge.mcp import sessions as module
from yett.edge.mcp.sessions import Session, Sessions


def opened(sessions: Sessions, owner: str, count: int = 1) -> list[Session]:
    return [sessions.open(owner=owner, version="2025-11-25", server=None) for _ in range(count)]


def test_one_who_opens_many_loses_his_own_oldest_and_nobody_elses() -> None:
    sessions = Sessions()
    (kept,) = opened(sessions, "a")
    many = opened(sessions, "b", bounds.SESSIONS_PER_PRINCIPAL_MAX + 1)

    assert sessions.is_open(kept.id)
    assert not sessions.is_open(many[0].id)
    assert sum(sessions.is_open(session.id) for session in many) == len(many) - 1


def test_when_all_is_full_the_one_who_has_most_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "SESSIONS_MAX", 5)
    sessions = Sessions()
    many = opened(sessions, "b", 4)
    first, second = opened(sessions, "a"), opened(sessions, "c")

    assert [sessions.is_open(s.id) for s in many] == [False, True, True, True]
    assert all(sessions.is_open(s.id) for s in (*first, *second))


def test_one_that_carries_a_stream_goes_last() -> None:
    sessions = Sessions()
    own = opened(sessions, "a", bounds.SESSIONS_PER_PRINCIPAL_MAX)
    own[0].streams = 1
    opened(sessions, "a")

    assert sessions.is_open(own[0].id)
    assert not sessions.is_open(own[1].id)
    assert sessions.streams_of("a") == 1
    assert sessions.streams_of("nobody") == 0


def test_an_idle_session_ends_unless_it_carries_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = Sessions()
    idle, streaming = opened(sessions, "a", 2)
    streaming.streams = 1
    later = idle.used + bounds.SESSION_IDLE_SECONDS_MAX + 1
    monkeypatch.setattr(module, "monotonic", lambda: later)

    assert sessions.find(idle.id, server=None) is None
    assert sessions.find(streaming.id, server=None) is streaming
    assert sessions.find(streaming.id, server="notes") is None


def test_ending_twice_is_ending_once() -> None:
    sessions = Sessions()
    (session,) = opened(sessions, "a")
    sessions.end(session.id)
    sessions.end(session.id)

    assert not sessions.is_open(session.id)
