"""Texts that instruct a model (THREATS C06, OWASP LLM01): found by what they are made of, not by heart.

A text is looked at around each stem that an instruction cannot do without. What the signals in such a
passage add up to decides. A passage that talks about instructions (a lesson, a test, an advisory) and
quotes one weighs less. Whoever knows the table can write around it; nothing else depends on it.
"""

import functools
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, final

import re2

from yett.sanitising.detectors.automaton import Automaton, places
from yett.sanitising.detectors.languages import LANGUAGES
from yett.sanitising.detectors.languages import STEMS as OTHER_STEMS
from yett.sanitising.detectors.signals import SIGNALS, THRESHOLD
from yett.sanitising.detectors.signals import STEMS as ENGLISH_STEMS
from yett.sanitising.detectors.wording import in_json, in_text, loosely
from yett.sanitising.patience import Patience

ALL_SIGNALS: Final = (*SIGNALS, *LANGUAGES)
HINT: Final = in_json(f"{ENGLISH_STEMS}|{OTHER_STEMS}")
"""Found in compact JSON whenever a string in it holds one of the stems."""

_REACH: Final = 350
"""Bytes on either side of a stem that are read with it."""
_MATCHES_MAX: Final = 8
_PATTERN_BYTES_MAX: Final = 4 * 1024 * 1024
_STEMS_BYTES_MAX: Final = 32 * 1024 * 1024
"""Of states. Where these do not suffice for one text, RE2 goes on without any, and takes a hundred times as long: the
stems of all languages need more than four megabytes. With sixteen, texts that differ take three times as long."""
_SHARE: Final = -(-len(ALL_SIGNALS) // 4)
"""Signals in one automaton. All in one would have a state for every set of them that a text may be in the middle of."""
_FIRSTS: Final = tuple(range(0, len(ALL_SIGNALS), _SHARE))
_QUOTE_REACH: Final = 48
_CONTEXT_REACH: Final = 220
_TOGETHER: Final = 600
"""Bytes within which signals add up."""
_QUOTES: Final = tuple(
    (opening.encode(), closing.encode())
    for opening, closing in ("''", '""', "``", "\u2018\u2019", "\u201c\u201d", "\u00ab\u00bb")
)
_TALK: Final = (
    r"\b(?:prompt[- ]injections?|injection (?:attacks?|examples?|strings?|detect\w*|patterns?|phrases?|attempts?)|jailbreak(?:s|ing)? (?:\w+ )?(?:corpora|attempts?|detection|prompts?)|"
    r"attack(?:s|ers?)? (?:samples?|phrases?|examples?|strings?|patterns?|payloads?)|detect(?:s|ed|ors?|ion|ing)?\b|adversarial|phrases? (?:like|such as)|the phrase|such as|e\.g\.|samples?|"
    r"quot(?:es?|ed|ing)|fixtures?|unit tests?|regression|test (?:data|cases?)|documentation|training material|trainer|awareness|red[- ]?team\w*|benchmarks?|guardrails?|false positives?|illustrative|"
    r"literal string|not (?:an |a )?(?:instruction|command)|owasp|vulnerabilit(?:y|ies)|mitigat\w+|security (?:note|training|review|discussion|research|guidance)|classif(?:y|ier|ies)|untrusted|canned|expected output|mock|"
    r"sample response|guidance|explains?|rule docs|analysts?|flags?|flagged|blocked|allowlist|changelog|regex|patterns?|payloads?|attempts?|asks? the agent|scans?|checks? whether|tries to)\b|(?:^|[^.\w@/-])examples?\b"
)

Span = tuple[int, int, str]
"""Start and end in bytes, and the finding: `injection:` and the family of the heaviest signal."""
_Match = tuple[int, int, str, float]


def find(text: bytes, patience: Patience) -> list[Span]:
    """Return the passages of a text that instruct, in order and without overlap.

    Raises:
        Unwalkable: it would take longer than there is patience for.
    """
    reader = _reader()
    found: list[Span] = []
    for start, end in reader.passages(text, patience):
        found += [
            (start + first, start + last, name)
            for first, last, name in reader.judge(text[start:end], patience)
        ]
    return found


def prepare() -> Iterator[None]:
    """Make one part after the other of what `find` needs, up to 60 ms each: what is not made here, the first text that
    somebody else may have written has to wait for, and every call with it."""
    _reader()
    for first in _FIRSTS:
        yield
        _automaton(first)


@final
class _Reader:
    """The compiled table. The pattern of a signal is made for the first text that needs it."""

    __slots__ = ("_compiled", "_stems", "_talk")

    def __init__(self) -> None:
        self._compiled: Final[dict[int, Any]] = {}
        self._stems: Final = _compile(in_text(f"{ENGLISH_STEMS}|{OTHER_STEMS}"), _STEMS_BYTES_MAX)
        self._talk: Final = _compile(in_text(_TALK))

    def passages(self, text: bytes, patience: Patience) -> list[tuple[int, int]]:
        """Return start and end of what lies around the stems, joined where they meet."""
        patience.spend(4 + (len(text) >> 8))
        found: list[tuple[int, int]] = []
        for first, last in places(self._stems, text):
            patience.spend(5)
            start, end = max(0, first - _REACH), min(len(text), last + _REACH)
            if found and start <= found[-1][1]:
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
        return found

    def judge(self, passage: bytes, patience: Patience) -> list[Span]:
        patience.spend(20 + (len(passage) >> 5))
        signals = self._likely(passage)
        if (
            _points((ALL_SIGNALS[place].name, ALL_SIGNALS[place].points) for place in signals)
            < THRESHOLD
        ):
            return []
        return _densest(self._matches(passage, signals, patience))

    def _likely(self, passage: bytes) -> list[int]:
        """Return all signals that are in there, and a few that may not be."""
        return [
            first + place
            for first, automaton in zip(_FIRSTS, map(_automaton, _FIRSTS), strict=True)
            for place in automaton.match(passage) or automaton.everything
            if place != automaton.nothing[0]
        ]

    def _matches(self, passage: bytes, signals: Sequence[int], patience: Patience) -> list[_Match]:
        """Return where the signals stand and what each is worth there, in order."""
        found: list[_Match] = []
        for place in signals:
            signal = ALL_SIGNALS[place]
            patience.spend(4 + (len(passage) >> 6))
            for match in islice(self._pattern(place).finditer(passage), _MATCHES_MAX):
                start, end = match.span()
                patience.spend(8)
                found.append(
                    (start, end, signal.name, signal.points * self._weight(passage, start, end))
                )
        return sorted(found)

    def _weight(self, passage: bytes, start: int, end: int) -> float:
        """An instruction that a lesson, a test or an advisory quotes is no instruction."""
        before = passage[max(0, start - _CONTEXT_REACH) : start]
        around = before + b" | " + passage[end : end + _CONTEXT_REACH]
        terms = {
            match.group().lower() for match in islice(self._talk.finditer(around), _MATCHES_MAX)
        }
        if not terms:
            return 1.0
        if _is_quoted(passage, start, end):
            return 0.0
        return 0.4 if len(terms) > 1 else 0.75

    def _pattern(self, place: int) -> Any:
        if place not in self._compiled:
            self._compiled[place] = _compile(in_text(ALL_SIGNALS[place].pattern))
        return self._compiled[place]


def _compile(source: bytes, bytes_max: int = _PATTERN_BYTES_MAX) -> Any:
    options = re2.Options()
    options.max_mem = bytes_max
    options.log_errors = False
    return re2.compile(source, options)


@functools.cache
def _automaton(first: int) -> Automaton:
    """Return an automaton that knows a share of the signals, from this one on."""
    automaton = Automaton()
    for signal in ALL_SIGNALS[first : first + _SHARE]:
        automaton.add(loosely(in_text(signal.pattern)))
    automaton.finish()
    return automaton


@functools.cache
def _reader() -> _Reader:
    return _Reader()


def _points(signals: Iterable[tuple[str, float]]) -> float:
    """Add up the heaviest of each family, and half of the next."""
    heaviest: dict[str, float] = {}
    second: dict[str, float] = {}
    for name, points in signals:
        first = heaviest.get(name, 0)
        heaviest[name] = max(first, points)
        second[name] = max(second.get(name, 0), min(first, points))
    return sum(heaviest.values()) + sum(second.values()) / 2


def _densest(matches: Sequence[_Match]) -> list[Span]:
    """Return the stretches in which what stands close together reaches the threshold."""
    found: list[Span] = []
    for index, (start, _, _, _) in enumerate(matches):
        if found and start < found[-1][1]:
            continue
        beyond = bisect_right(matches, start + _TOGETHER, lo=index, key=_start)
        near = [match for match in matches[index:beyond] if match[3]]
        if _points((name, points) for _, _, name, points in near) >= THRESHOLD:
            heaviest = max(near, key=lambda match: match[3])
            found.append((start, max(match[1] for match in near), f"injection:{heaviest[2]}"))
    return found


def _start(match: _Match) -> int:
    return match[0]


def _is_quoted(passage: bytes, start: int, end: int) -> bool:
    """Tell whether a quotation is opened shortly before, or with the match, and closed shortly after."""
    before = passage[max(0, start - _QUOTE_REACH) : start + 2].rpartition(b"\n")[2]
    after = passage[max(start, end - 2) : end + _QUOTE_REACH].partition(b"\n")[0]
    return any(opening in before and closing in after for opening, closing in _QUOTES)
