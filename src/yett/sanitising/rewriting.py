"""Walk a JSON value and rewrite its texts, names of members included."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, final

import msgspec

from yett.core.bounds import DOCUMENT_DEPTH_MAX
from yett.core.target import JSON
from yett.sanitising.config import Handling
from yett.sanitising.detectors import hidden, injection, links
from yett.sanitising.detectors.personal import is_named_personal
from yett.sanitising.detectors.rules import Kind, kind_of
from yett.sanitising.detectors.secrets import is_named_secret, is_private_name
from yett.sanitising.normalising import DEPTH_MAX, fold, readings, runs
from yett.sanitising.patience import Patience, Unwalkable
from yett.sanitising.scanner import Hits, Scanner, Span, merge, replace, shown, unspell

NAMED: Final = "secret:assigned-secret"
UNREAD: Final = "injection:unread"
PRIVATE: Final = "[redacted]"
_BINARY_MEMBERS: Final = frozenset({"data", "blob"})
ENOUGH: Final = 1_000
"""Of one finding that changes no text: nobody asks how many more there are, and each takes time."""
_FOUND_CHARS_MIN: Final = 6
"""No rule finds anything in less."""
_INSTRUCTION_CHARS_MIN: Final = 12

_PROTOCOL_WORDS: Final = frozenset(
    ("content", "contents", "data", "description", "isError", "messages", "mimeType", "resource", "role",
     "structuredContent", "text", "type", "uri", "user", "assistant", "image", "text/plain", "application/json")
)  # fmt: skip
"""Of MCP itself: in every answer, and nothing to look at."""
_PROTOCOL_CHARS_MAX: Final = max(map(len, _PROTOCOL_WORDS))

_LOOKS_MAX: Final = 8
"""At one text, as long as each finds something to take out."""


@final
class Cleaner:
    """One walk over one document. `found` counts what was found, by finding; beyond `ENOUGH` only what goes.

    handling: what to do with each kind; what is not in there is only noted. keep_hidden: leave hidden
    characters where they hide nothing. private_names: a name such as `password` is reason enough.
    binary: ids of the objects whose `data` or `blob` is checked base64. link_hosts: where links may lead.
    """

    def __init__(
        self,
        scanner: Scanner,
        hits: Hits,
        handling: Mapping[Kind, Handling],
        *,
        keep_hidden: bool = False,
        private_names: bool = False,
        binary: AbstractSet[int] = frozenset(),
        link_hosts: Collection[str] = (),
    ) -> None:
        self._scanner = scanner
        self._hits = hits
        self._handling = handling
        self._keep_hidden = keep_hidden
        self._private_names = private_names
        self._binary = binary
        self._link_hosts = link_hosts
        self._patience = Patience()
        self._reading = Patience()
        self._ignored: set[int] = set()
        self._looks = hits.is_worth_a_look
        self.found: Counter[str] = Counter()

    def value(self, value: JSON, depth: int = 0) -> JSON:
        """Return the cleaned value.

        Raises:
            Unwalkable: see there.
        """
        if isinstance(value, str):
            return self.text(value)
        if depth > DOCUMENT_DEPTH_MAX:
            raise Unwalkable("nested too deep")
        if isinstance(value, list):
            return [self.value(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return self._object(value, depth)
        return value

    def text(self, text: str) -> str:
        """Return one cleaned text.

        Raises:
            Unwalkable: it would take longer than there is patience for.
        """
        if not self._looks:
            return text
        # A set hashes what it is asked for, which takes long for a long text.
        if len(text) <= _PROTOCOL_CHARS_MAX and text in _PROTOCOL_WORDS:
            return text
        self._patience.spend(1)
        hits = self._hits  # of the whole document; most is not here, unless this is most of it
        if hits.is_much and _FOUND_CHARS_MIN <= len(text) < hits.size >> 1:
            self._patience.spend(2 + (len(text) >> 7))
            hits = self._scanner.look(text)
        cleaned = self._read(text, hits)
        if hits.hidden:
            cleaned = self._without_hidden(cleaned)
        if hits.spelt and "\\u00" in cleaned:
            self._patience.spend(cleaned.count("\\u00"))
            cleaned = self._read_again(cleaned, unspell(cleaned))
        if hits.folded:
            self._patience.spend(4 + (len(text) >> 3))
            cleaned = self._read_again(cleaned, fold(cleaned))
        if hits.disguised:
            for reading in readings(cleaned, self._patience):
                cleaned = self._read_again(cleaned, reading)
        return self._decoded(cleaned) if hits.coded else cleaned

    def _without_hidden(self, text: str) -> str:
        stripped, names = hidden.strip(text, self._patience)
        if not names:
            return text
        # What was torn apart by characters that nobody sees is whole now.
        cleaned = self._read(stripped, self._scanner.look(stripped))
        if self._keep_hidden and cleaned is stripped:
            return text
        self.found.update(names)
        return cleaned

    def _read(self, text: str, hits: Hits) -> str:
        """Return a text without what has to go; the same object if all may stay. What was hidden behind
        its neighbour is seen once that is gone, so a changed text is looked at again."""
        for _ in range(_LOOKS_MAX):
            spans = self._spans(text.encode(), hits)
            if not spans:
                return text
            self._note(spans)
            cleaned = self._replaced(text, spans)
            if cleaned == text:
                return text
            text = cleaned
            self._patience.spend(2 + (len(text) >> 7))
            hits = self._scanner.look(text)
        return text

    def _note(self, spans: Iterable[Span]) -> None:
        for _, _, finding in spans:
            self.found[finding] += 1
            if self.found[finding] >= ENOUGH and self._stays(finding):
                self._ignored.update(self._scanner.rules_of(finding))
                left = tuple(rule for rule in self._hits.rules if rule not in self._ignored)
                self._hits = msgspec.structs.replace(self._hits, rules=left)
                self._looks = self._hits.is_worth_a_look

    def _stays(self, finding: str) -> bool:
        return self._handling.get(kind_of(finding)) != "redact"

    def _read_again(self, text: str, otherwise: str) -> str:
        """Look at a text as it may be read: only what is new in it counts, and changes the text."""
        if otherwise == text:
            return text
        spans = self._spans(otherwise.encode(), self._scanner.look(otherwise))
        new = [span for span in spans if span[2] not in self.found]
        if not new:
            return text
        self.found.update(finding for _, _, finding in new)
        cleaned = self._replaced(otherwise, spans)
        return text if cleaned is otherwise else cleaned

    def _decoded(self, text: str) -> str:
        """Take out what is encoded and holds, once it is read, something that has to go."""
        spans = list(self._encoded(text, DEPTH_MAX))
        self.found.update({finding for _, _, finding in spans} - set(self.found))
        return self._replaced(text, spans) if spans else text

    def _encoded(self, text: str, depth: int) -> Iterable[Span]:
        """Yield the places of encoded runs, and what is in each, whatever it is wrapped in."""
        for start, end, inner in runs(text, self._patience):
            hits = self._scanner.look(inner)
            self._patience.spend(4 + (len(inner) >> 6))
            for _, _, finding in self._spans(inner.encode(), hits):
                yield start, end, finding
            if depth > 1 and hits.coded:
                for _, _, finding in self._encoded(inner, depth - 1):
                    yield start, end, finding

    def _spans(self, text: bytes, hits: Hits) -> list[Span]:
        if len(text) < _FOUND_CHARS_MIN:
            return []
        rules: Sequence[int] = hits.rules
        if self._ignored:
            rules = [rule for rule in rules if rule not in self._ignored]
        spans = self._scanner.spans(text, rules, self._patience) if rules else []
        if hits.instructing and len(text) >= _INSTRUCTION_CHARS_MIN:
            spans = merge([*spans, *self._instructions(text)])
        if self._link_hosts:
            spans = [span for span in spans if not self._may_lead(text, span)]
        return spans

    def _instructions(self, text: bytes) -> list[Span]:
        """An answer may be too long to be read for instructions to its end; that is a finding itself."""
        try:
            return injection.find(text, self._reading)
        except Unwalkable:
            self.found[UNREAD] = 1
            return []

    def _may_lead(self, text: bytes, span: Span) -> bool:
        host = links.host_of(text[span[0] : span[1]].decode("utf-8", "replace"))
        return kind_of(span[2]) == "link" and links.is_allowed(host, self._link_hosts)

    def _replaced(self, text: str, spans: Iterable[Span]) -> str:
        going = [span for span in spans if not self._stays(span[2])]
        return replace(text.encode(), going).decode() if going else text

    def _object(self, value: dict[str, JSON], depth: int) -> dict[str, JSON]:
        exempt = id(value) in self._binary
        cleaned: dict[str, JSON] = {}
        for name, item in value.items():
            clean_name = self.text(name)
            if clean_name in cleaned:
                raise Unwalkable("two names become one")
            if exempt and name in _BINARY_MEMBERS:
                cleaned[clean_name] = item
            else:
                cleaned[clean_name] = self._member(clean_name, item, depth)
        return cleaned

    def _member(self, name: str, item: JSON, depth: int) -> JSON:
        if self._private_names and _is_private(name, item):
            return PRIVATE
        cleaned = self.value(item, depth + 1)
        if not isinstance(cleaned, str):
            return cleaned
        finding = NAMED if is_named_secret(name, cleaned) else is_named_personal(name, cleaned)
        if finding is None:
            return cleaned
        self.found[finding] += 1
        return shown(finding) if self._handling.get(kind_of(finding)) == "redact" else cleaned


def _is_private(name: str, item: JSON) -> bool:
    if isinstance(item, str):
        return item != "" and is_private_name(name)
    # A number of tokens is a count; a number under `pin` is not.
    return (
        isinstance(item, int)
        and not isinstance(item, bool)
        and is_private_name(name)
        and not name.lower().endswith("tokens")
    )
