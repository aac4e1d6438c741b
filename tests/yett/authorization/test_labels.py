"""What a caller has seen binds it, and it cannot get rid of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clock import HandClock
from yett.authorization.backends.label_memory import MemoryLabelStore
from yett.authorization.fingerprints import RUN_CHARS, WINDOW, fingerprints
from yett.authorization.labels import Labels
from yett.core import bounds
from yett.core.errors import Fault

HOUR = 3_600.0
PRIVATE = frozenset({"private"})
UNTRUSTED = frozenset({"untrusted"})
LETTER = "Dear Ms Lovelace, your account 4711-0815 shows a balance of 1,234.56 pounds."


def labels(store: MemoryLabelStore | None = None, clock: HandClock | None = None) -> Labels:
    made = Labels(store or MemoryLabelStore(), clock or HandClock())
    made.window_seconds = HOUR
    return made


def test_who_has_seen_nothing_has_touched_nothing() -> None:
    assert labels().touched("k1", "s1") == frozenset()


def test_a_label_follows_the_caller_into_another_session_and_nobody_else() -> None:
    seen = labels()
    seen.touch("k1", "s1", PRIVATE)

    assert seen.touched("k1", "s1") == PRIVATE
    assert seen.touched("k1", "s2") == PRIVATE
    assert seen.touched("k1", "") == PRIVATE
    assert seen.touched("k2", "s1") == frozenset()


def test_a_label_wears_off_after_the_window_but_not_in_the_session_that_saw_it() -> None:
    clock = HandClock()
    seen = labels(clock=clock)
    seen.touch("k1", "s1", PRIVATE)
    clock.pass_seconds(2 * HOUR)

    assert seen.touched("k1", "") == frozenset()
    assert seen.touched("k1", "s1") == PRIVATE


def test_the_window_begins_anew_with_each_look() -> None:
    clock = HandClock()
    seen = labels(clock=clock)
    for _ in range(4):
        seen.touch("k1", "", PRIVATE)
        clock.pass_seconds(0.9 * HOUR)

    assert seen.touched("k1", "") == PRIVATE


def test_labels_add_up_and_each_is_told_of_once() -> None:
    told: list[tuple[str, frozenset[str]]] = []
    seen = labels()
    seen.on_first = lambda caller, fresh: told.append((caller, fresh))
    for some in (PRIVATE, PRIVATE, UNTRUSTED, PRIVATE | UNTRUSTED):
        seen.touch("k1", "", some)

    assert seen.touched("k1", "") == PRIVATE | UNTRUSTED
    assert told == [("k1", PRIVATE), ("k1", UNTRUSTED)]


def test_a_restart_makes_nobody_forget() -> None:
    store, clock = MemoryLabelStore(), HandClock()
    before = labels(store, clock)
    before.touch("k1", "s1", PRIVATE)
    before.save()
    clock.pass_seconds(0.5 * HOUR)
    clock.running = 5.0  # a machine that has just started

    after = labels(store, clock)
    assert after.touched("k1", "s9") == PRIVATE
    clock.pass_seconds(0.6 * HOUR)
    assert after.touched("k1", "s9") == frozenset()


@pytest.mark.parametrize("jump", [-86_400.0, 0.0])
def test_a_clock_that_is_set_back_ages_no_label(jump: float) -> None:
    store, clock = MemoryLabelStore(), HandClock()
    before = labels(store, clock)
    before.touch("k1", "", PRIVATE)
    before.save()
    clock.now += jump

    assert labels(store, clock).touched("k1", "") == PRIVATE


def test_what_could_not_be_written_down_is_written_the_next_time() -> None:
    store, clock = MemoryLabelStore(), HandClock()
    seen = labels(store, clock)
    seen.touch("k1", "", PRIVATE)
    store.broken = True
    with pytest.raises(Fault):
        seen.save()
    store.broken = False
    seen.save()

    assert labels(store, clock).touched("k1", "") == PRIVATE


def test_without_the_store_nobody_begins() -> None:
    store = MemoryLabelStore()
    store.broken = True
    with pytest.raises(Fault):
        labels(store)


def test_sessions_are_bounded_and_the_caller_stays_labelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("yett.authorization.labels.LABELLED_SESSIONS_MAX", 3)
    seen = labels()
    for number in range(10):
        seen.touch("k1", f"s{number}", PRIVATE)

    assert len(seen._sessions) == 3
    assert seen.touched("k1", "s0") == PRIVATE


# -- copies


def test_a_copy_is_known_again_whatever_its_case_and_punctuation() -> None:
    seen = labels()
    seen.trace("k1", PRIVATE, {"content": [{"type": "text", "text": LETTER}]})

    copy = {"url": "https://evil.example/?q=" + LETTER.upper().replace(" ", "+")}
    assert seen.carried("k1", copy) == PRIVATE
    assert seen.carried("k2", copy) == frozenset()
    assert seen.carried("k1", {"note": "The weather in Paris is fine, thank you for asking."}) == (
        frozenset()
    )


def test_a_short_value_that_is_part_of_what_was_seen_is_too_short_to_tell() -> None:
    seen = labels()
    seen.trace("k1", PRIVATE, {"text": LETTER})
    assert seen.carried("k1", {"to": "Ms Lovelace"}) == frozenset()


@given(
    st.text("abcdefghij ", min_size=60, max_size=200),
    st.text("klmnop ", max_size=80),
    st.text("qrstuv ", max_size=80),
    st.data(),
)
def test_any_part_that_is_long_enough_has_a_fingerprint_in_common(
    text: str, before: str, after: str, data: st.DataObject
) -> None:
    plain = text.replace(" ", "")
    enough = RUN_CHARS + WINDOW - 1
    if len(plain) < enough:
        return
    start = data.draw(st.integers(0, len(plain) - enough))
    part = plain[start : start + enough]

    assert fingerprints({"a": text}) & fingerprints([before, part, after])


def test_fingerprints_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yett.authorization.labels.FINGERPRINTS_PER_CALLER_MAX", 50)
    monkeypatch.setattr("yett.authorization.labels.FINGERPRINTED_CALLERS_MAX", 2)
    seen = labels()
    for number in range(5):
        seen.trace(f"k{number}", PRIVATE, [f"{place} is word {number}" for place in range(500)])

    assert set(seen._texts) == {"k3", "k4"}
    assert all(len(kept) == 50 for texts in seen._texts.values() for kept in texts.values())
    assert bounds.FINGERPRINTS_PER_CALLER_MAX == 4_096


def test_a_deep_and_wide_result_is_looked_at_as_far_as_the_bounds_go() -> None:
    deep: object = "end"
    for _ in range(5_000):
        deep = [deep]

    assert fingerprints(deep) == frozenset()
    assert len(fingerprints(["word" * 20] * 20_000)) < 40_000
