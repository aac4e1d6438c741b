"""One pass over an answer for everything that is looked for, then a second look at what it named."""

import functools
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, final

import msgspec
import re2

from yett.core.document import encode
from yett.sanitising.detectors import hidden, injection, links, personal, secrets
from yett.sanitising.detectors.automaton import Automaton
from yett.sanitising.detectors.rules import Rule, kind_of
from yett.sanitising.normalising import APART_HINT, FOLD_HINT, RUN_HINT, TURNED_HINT
from yett.sanitising.patience import Patience

# A text may spell a secret in escapes once more than JSON does; a model reads those as well.
_SPELT: Final = re.compile(r"\\u00([2-7][0-9a-fA-F])")
_SPELT_HINT: Final = rb"\\\\u00[2-7][0-9a-fA-F]"

_ENDLESS: Final = 2**62
_INSTRUCTION: Final = "instruction"
_FEW_RULES: Final = 2
_BYTES_MAX: Final = 32 * 1024 * 1024
"""Of an automaton's states. Sixty megabytes of many kinds of text need most of it, and touch half."""

Span = tuple[int, int, str]
"""Start and end in bytes, and the finding: kind, colon, name."""


@final
class Hits(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass found, as a reason to look closer.

    size: of the document, in bytes. rules: those whose hint was there. hidden: characters that nobody
    sees. spelt: escapes inside a text. named: a member has a name under which secrets stand. instructing:
    a stem of an instruction. folded: letters that pass for others. coded: a part that may be read
    otherwise. disguised: a text whose every letter may be another.
    """

    size: int = 0
    rules: tuple[int, ...] = ()
    hidden: bool = False
    spelt: bool = False
    named: bool = False
    instructing: bool = False
    folded: bool = False
    coded: bool = False
    disguised: bool = False

    @property
    def is_worth_a_look(self) -> bool:
        """Tell whether there is more than a member's name, which only records care about."""
        return bool(
            self.rules
            or self.hidden
            or self.spelt
            or self.instructing
            or self.folded
            or self.coded
            or self.disguised
        )

    @property
    def is_much(self) -> bool:
        """Tell whether it pays to ask again for each text of the document."""
        return (
            len(self.rules) > _FEW_RULES
            or self.instructing
            or self.folded
            or self.coded
            or self.disguised
        )


@final
class Scanner:
    """Immutable once made, but for the patterns of the second look, each compiled for the first text that needs it.

    rules: what to look for. more: look for instructions and for what is written otherwise than it is
    read as well. own: rules of the operator, which have no hint: each text is asked for them.

    Words and shapes have an automaton each, since one for both would need too many states (see `Rule.shape`). Of the rules
    alone it does not, and is quicker.
    """

    __slots__ = (
        "_also",
        "_apart",
        "_coded",
        "_compiled",
        "_escaped",
        "_folded",
        "_idle",
        "_instructing",
        "_is_apart",
        "_match_shapes",
        "_match_words",
        "_named",
        "_no_shapes",
        "_no_words",
        "_own",
        "_own_places",
        "_rules",
        "_rules_of_shapes",
        "_rules_of_words",
        "_shapes",
        "_spelt",
        "_turned",
        "_unseen",
        "_words",
    )  # fmt: skip

    def __init__(
        self, rules: Sequence[Rule] = (), own: Sequence[Rule] = (), *, more: bool = True
    ) -> None:
        rules = rules or ALL_RULES
        self._rules: Final = (*rules, *own)
        self._compiled: Final[dict[int, Any]] = {}
        self._words: Final = Automaton(_BYTES_MAX)
        self._shapes: Final = Automaton(_BYTES_MAX) if more or own else self._words
        self._is_apart: Final = self._shapes is not self._words
        self._also: dict[int, int] = {}
        self._rules_of_words: dict[int, list[int]] = {}
        self._rules_of_shapes: dict[int, list[int]] = {}
        places: dict[bytes, int] = {}
        for index, rule in enumerate(rules):
            automaton = self._shapes if rule.shape else self._words
            of = self._rules_of_shapes if rule.shape else self._rules_of_words
            if rule.hint not in places:
                places[rule.hint] = automaton.add(rule.hint)
            of.setdefault(places[rule.hint], []).append(index)
            if rule.also:
                self._also[index] = self._shapes.add(rule.also)
        self._escaped: Final = self._shapes.add(hidden.ESCAPED_HINT)
        self._unseen: Final = self._words.add(hidden.UNSEEN_HINT)
        self._spelt: Final = self._shapes.add(_SPELT_HINT)
        self._named: Final = self._words.add(secrets.PRIVATE_NAME_HINT)
        self._folded: Final = self._words.add(FOLD_HINT) if more else -1
        self._coded: Final = self._shapes.add(RUN_HINT) if more else -1
        self._apart: Final = self._shapes.add(APART_HINT) if more else -1
        self._turned: Final = self._words.add(TURNED_HINT) if more else -1
        self._instructing: Final = self._words.add(injection.HINT) if more else -1
        self._words.finish()
        if self._is_apart:
            self._shapes.finish()
        # Of shapes: what means nothing without a word of its rule. Long numbers are in many answers.
        self._idle: Final = frozenset((*self._also.values(), *self._shapes.nothing))
        self._own_places: Final = tuple(range(len(rules), len(self._rules)))
        self._match_words = self._words.match
        self._match_shapes = self._shapes.match
        # Rules without a hint may find something anywhere, so there is no answer that means nothing.
        self._no_words: Final = None if own else self._words.nothing
        self._no_shapes: Final = self._shapes.nothing

    def scan(self, encoded: bytes) -> Hits | None:
        """Look at compact JSON once. None: there is nothing in it to look closer at."""
        words = self._match_words(encoded)
        shapes = self._match_shapes(encoded) if self._is_apart else words
        if (words == self._no_words or words is shapes) and (
            shapes == self._no_shapes or (shapes and self._idle.issuperset(shapes))
        ):
            return None
        return self._hits(
            len(encoded), words or self._words.everything, shapes or self._shapes.everything
        )

    def _hits(self, size: int, words: Sequence[int], shapes: Sequence[int]) -> Hits | None:
        rules = [
            rule
            for place in words
            for rule in self._rules_of_words.get(place, ())
            if rule not in self._also or self._also[rule] in shapes
        ]
        rules += [rule for place in shapes for rule in self._rules_of_shapes.get(place, ())]
        hits = Hits(
            size=size,
            rules=(*sorted(rules), *self._own_places),
            hidden=self._escaped in shapes or self._unseen in words,
            spelt=self._spelt in shapes,
            named=self._named in words,
            instructing=self._instructing in words,
            folded=self._folded in words,
            coded=self._coded in shapes,
            disguised=self._apart in shapes or self._turned in words,
        )
        return hits if hits.is_worth_a_look or hits.named else None

    def rules_of(self, finding: str) -> list[int]:
        """Return the rules that find this."""
        return [index for index, rule in enumerate(self._rules) if rule.finding == finding]

    def look(self, text: str) -> Hits:
        """Return what is worth a closer look in one text."""
        return self.scan(encode(text)) or Hits()

    def spans(
        self, text: bytes, rules: Sequence[int], patience: Patience | None = None
    ) -> list[Span]:
        """Return where something stands in a text that the rules look for, in order, one finding a place.

        Raises:
            Unwalkable: it would take longer than there is patience for.
        """
        patience = patience or Patience(_ENDLESS)
        found: list[Span] = []
        for index in rules:
            rule = self._rules[index]
            patience.spend(1 + (len(text) >> 11))
            for match in self._pattern(index).finditer(text):
                first, last = match.span()
                patience.spend(12 + ((last - first) >> 3))
                if last > first and rule.check(match):
                    start, end = match.span(rule.group)
                    found.append((start, end, rule.finding))
        return merge(found) if len(found) > 1 else found

    def _pattern(self, index: int) -> Any:
        if index not in self._compiled:
            self._compiled[index] = re2.compile(self._rules[index].pattern)
        return self._compiled[index]


ALL_RULES: Final = (*secrets.RULES, *personal.RULES, *links.RULES)


@functools.cache
def shared_scanner() -> Scanner:
    """Return the one of the process: it holds no state of its own, and a reload need not wait for it."""
    return Scanner()


@functools.cache
def secrets_scanner() -> Scanner:
    """Return the one that keeps secrets out of records and logs."""
    return Scanner(secrets.RULES, more=False)


def unspell(text: str) -> str:
    r"""Return the text with `\u0067` and the like, as literal characters, read once more."""
    return _SPELT.sub(lambda match: chr(int(match[1], 16)), text)


def shown(finding: str) -> str:
    """Return what stands in place of what was found."""
    kind, _, name = finding.partition(":")
    return f"[redacted:{_INSTRUCTION if kind == 'injection' else name}]"


def replace(text: bytes, spans: Iterable[Span]) -> bytes:
    """Put `[redacted:NAME]` in place of each span; what overlaps goes with the first."""
    parts: list[bytes] = []
    last = 0
    for start, end, finding in sorted(spans):
        if start >= last:
            parts += (text[last:start], shown(finding).encode())
        last = max(last, end)
    return b"".join([*parts, text[last:]])


def merge(found: Iterable[Span]) -> list[Span]:
    """Of two of one kind that overlap, the one that begins first names the place."""
    merged: list[Span] = []
    for start, end, finding in sorted(found, key=_by_place):
        if merged and start < merged[-1][1] and kind_of(finding) == kind_of(merged[-1][2]):
            first = merged[-1]
            merged[-1] = (first[0], max(first[1], end), first[2])
        else:
            merged.append((start, end, finding))
    return merged


def _by_place(span: Span) -> tuple[Any, ...]:
    return kind_of(span[2]), span[0], -span[1]
