"""Walk a JSON value and rewrite its texts, names of members included."""

from collections.abc import Set as AbstractSet
from typing import Final, final

from yett.core.bounds import DOCUMENT_DEPTH_MAX
from yett.core.target import JSON
from yett.sanitising.detectors import hidden
from yett.sanitising.detectors.secrets import is_named_secret, is_private_name
from yett.sanitising.patience import Patience, Unwalkable
from yett.sanitising.scanner import Hits, Scanner, replace, unspell

NAMED: Final = "assigned-secret"
PRIVATE: Final = "[redacted]"
FINDING_PREFIX: Final = "secret:"
_BINARY_MEMBERS: Final = frozenset({"data", "blob"})
_SECRET_CHARS_MIN: Final = 8
"""No rule finds anything in less."""
_FEW_RULES: Final = 2


@final
class Cleaner:
    """One walk over one document. `found` collects the names of what was found.

    redact: replace secrets; otherwise they are only found. keep_hidden: leave hidden characters
    where they hide no secret. private_names: a name such as `password` is reason enough.
    binary: ids of the objects whose `data` or `blob` is checked base64.
    """

    def __init__(
        self,
        scanner: Scanner,
        hits: Hits,
        *,
        redact: bool,
        keep_hidden: bool = False,
        private_names: bool = False,
        binary: AbstractSet[int] = frozenset(),
    ) -> None:
        self._scanner = scanner
        self._hits = hits
        self._redact = redact
        self._keep_hidden = keep_hidden
        self._private_names = private_names
        self._binary = binary
        self._patience = Patience()
        self.found: set[str] = set()

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
            Unwalkable: it would take too long.
        """
        self._patience.spend(1)
        cleaned = self._without_secrets(text, self._hits.rules)
        if self._hits.hidden:
            cleaned = self._without_hidden(cleaned)
        if self._hits.spelt and "\\u00" in cleaned:
            self._patience.spend(cleaned.count("\\u00"))
            plain = unspell(cleaned)
            again = self._without_secrets(plain, self._scanner.rules_in(plain))
            return cleaned if again is plain else again
        return cleaned

    def _without_hidden(self, text: str) -> str:
        stripped, names = hidden.strip(text, self._patience)
        if not names:
            return text
        # What was torn apart by characters that nobody sees is whole now.
        cleaned = self._without_secrets(stripped, self._scanner.rules_in(stripped))
        if self._keep_hidden and cleaned is stripped:
            return text
        self.found.update(names)
        return cleaned

    def _without_secrets(self, text: str, rules: tuple[int, ...]) -> str:
        if len(text) < _SECRET_CHARS_MIN:
            return text
        if len(rules) > _FEW_RULES:  # of the whole document; most are not for this text
            self._patience.spend(2 + (len(text) >> 7))
            rules = self._scanner.rules_in(text)
        encoded = text.encode()
        spans = self._scanner.spans(encoded, rules, self._patience)
        if not spans:
            return text
        self.found.update(FINDING_PREFIX + name for _, _, name in spans)
        return replace(encoded, spans).decode() if self._redact else text

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
        if isinstance(cleaned, str) and is_named_secret(name, cleaned):
            self.found.add(FINDING_PREFIX + NAMED)
            return f"[redacted:{NAMED}]" if self._redact else cleaned
        return cleaned


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
