"""One pass over an answer for everything that is looked for, then a second look at what it named."""

import functools
import re
from collections.abc import Sequence
from typing import Any, Final, final

import re2

from yett.core.document import encode
from yett.sanitising.detectors import hidden
from yett.sanitising.detectors.secrets import PRIVATE_NAME_HINT, RULES
from yett.sanitising.patience import Patience

# Room for the states that a hostile text can make; an honest one needs less than one megabyte.
_AUTOMATON_BYTES_MAX: Final = 24 * 1024 * 1024

# A text may spell a secret in escapes once more than JSON does; a model reads those as well.
_SPELT: Final = re.compile(r"\\u00([2-7][0-9a-fA-F])")
_SPELT_HINT: Final = rb"\\\\u00[2-7][0-9a-fA-F]"

_ENDLESS: Final = 2**62

Span = tuple[int, int, str]
"""Start and end in bytes, and the name of the rule."""


@final
class Hits:
    """What a pass found, as a reason to look closer. `rules`: those whose hint was there.
    `named`: a member has a name under which secrets stand. `spelt`: escapes inside a text."""

    __slots__ = ("hidden", "named", "rules", "spelt")

    def __init__(self, rules: tuple[int, ...], *, hidden: bool, spelt: bool, named: bool) -> None:
        self.rules = rules
        self.hidden = hidden
        self.spelt = spelt
        self.named = named


@final
class Scanner:
    """Immutable once made; making one takes about 50 ms."""

    __slots__ = ("_always", "_compiled", "_hidden", "_match", "_named", "_rules_of", "_spelt")

    def __init__(self) -> None:
        options = re2.Options()
        options.max_mem = _AUTOMATON_BYTES_MAX
        options.log_errors = False
        automaton = re2.Set.SearchSet(options)
        places: dict[bytes, int] = {}
        self._rules_of: dict[int, list[int]] = {}
        for index, rule in enumerate(RULES):
            if rule.hint not in places:
                places[rule.hint] = automaton.Add(rule.hint)
            self._rules_of.setdefault(places[rule.hint], []).append(index)
        self._hidden = automaton.Add(hidden.HINT)
        self._spelt = automaton.Add(_SPELT_HINT)
        self._named = automaton.Add(PRIVATE_NAME_HINT)
        # Matches always: an automaton that ran out of memory reports nothing at all, and silence
        # must not be taken for "nothing there".
        self._always = [automaton.Add(b"")]
        automaton.Compile()
        self._match = automaton._set.Match  # noqa: SLF001 - what `Match` wraps; each call passes here twice
        self._compiled = tuple(re2.compile(rule.pattern) for rule in RULES)

    def scan(self, encoded: bytes) -> Hits | None:
        """Look at compact JSON once. None: there is nothing in it to look closer at."""
        found = self._match(encoded)
        if found == self._always:
            return None
        if not found:
            return Hits(tuple(range(len(RULES))), hidden=True, spelt=True, named=True)
        return Hits(
            tuple(sorted(rule for place in found for rule in self._rules_of.get(place, ()))),
            hidden=self._hidden in found,
            spelt=self._spelt in found,
            named=self._named in found,
        )

    def rules_in(self, text: str) -> tuple[int, ...]:
        """Return the rules that are worth a look at one text."""
        hits = self.scan(encode(text))
        return hits.rules if hits else ()

    def spans(
        self, text: bytes, rules: Sequence[int], patience: Patience | None = None
    ) -> list[Span]:
        """Return where secrets stand in a text, in order and without overlap.

        Raises:
            Unwalkable: it would take longer than there is patience for.
        """
        patience = patience or Patience(_ENDLESS)
        found: list[Span] = []
        for index in rules:
            rule = RULES[index]
            patience.spend(1 + (len(text) >> 11))
            for match in self._compiled[index].finditer(text):
                first, last = match.span()
                patience.spend(12 + ((last - first) >> 3))
                if rule.check(match):
                    start, end = match.span(rule.group)
                    found.append((start, end, rule.name))
        return _merge(found) if len(found) > 1 else found


@functools.cache
def shared_scanner() -> Scanner:
    """Return the one of the process: it holds no state of its own, and a reload need not wait for it."""
    return Scanner()


def unspell(text: str) -> str:
    r"""Return the text with `\u0067` and the like, as literal characters, read once more."""
    return _SPELT.sub(lambda match: chr(int(match[1], 16)), text)


def replace(text: bytes, spans: Sequence[Span]) -> bytes:
    """Put `[redacted:NAME]` in place of each span."""
    parts: list[bytes] = []
    last = 0
    for start, end, name in spans:
        parts += (text[last:start], f"[redacted:{name}]".encode())
        last = end
    return b"".join([*parts, text[last:]])


def _merge(found: list[Span]) -> list[Span]:
    """Where two rules found the same place, the one that begins first names it."""
    merged: list[Span] = []
    for start, end, name in sorted(found, key=_by_place):
        if merged and start < merged[-1][1]:
            first = merged[-1]
            merged[-1] = (first[0], max(first[1], end), first[2])
        else:
            merged.append((start, end, name))
    return merged


def _by_place(span: Span) -> tuple[Any, ...]:
    return span[0], -span[1]
