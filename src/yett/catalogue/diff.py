"""What changed between two definitions of one name, what that means, and how much it matters. Pure."""

from collections.abc import Callable, Iterator
from typing import Final, Literal, final

import msgspec
import re2

from yett.catalogue.loosening import Severity, judge_claim, judge_keyword, names_of
from yett.catalogue.meaning import ordered, same_meaning
from yett.core.document import encode
from yett.core.pointer import join_pointer
from yett.core.target import JSON

CHANGES_MAX: Final = 100
_TEXT_CHARS_MAX: Final = 200
_WHOLE_CHARS_MAX: Final = 20_000
_SUMMARY_CHARS_MAX: Final = 500
_ADDRESSES_MAX: Final = 5

What = Literal["added", "removed", "changed"]
TextFindings = Callable[[str], tuple[str, ...]]
"""A text that a model reads → what is suspicious about it, in a few words each. Raises nothing."""

_MEANINGS: Final = (
    ("/inputSchema", "arguments"),
    ("/arguments", "arguments"),
    ("/outputSchema", "answer"),
    ("/annotations", "claims of the server"),
    ("/description", "text the model reads"),
    ("/title", "text the model reads"),
)
_TEXT: Final = "text the model reads"
_READ_BY_MODEL: Final = ("description", "title", "examples", "default", "enum", "$comment")
_ADDRESS: Final = re2.compile(
    r"(?i)[a-z][a-z0-9+.-]{1,15}://[^\s\"'<>)\]}]+"
    r"|[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+"
    r"|\b(?:[\w-]{1,63}\.){1,8}(?:com|net|org|io|dev|app|ai|co|example|tld|info|xyz|sh|me|ru|cn|top|site|online)\b"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b"
)
"""By an engine that takes linear time: a server writes the text."""
_ORDER: Final[tuple[Severity, ...]] = ("high", "medium", "low")


@final
class Change(msgspec.Struct, frozen=True):
    """pointer: RFC 6901. meaning: whom the change concerns. before, after: compact JSON, shortened.
    says: what it means, in words that quote no text. findings: what is suspicious about the new text.
    texts: both texts whole, where a text that a model reads was changed or added."""

    pointer: str
    what: What
    meaning: str
    before: str | None
    after: str | None
    severity: Severity = "low"
    says: str = ""
    findings: tuple[str, ...] = ()
    texts: tuple[str, str] | None = None

    def __str__(self) -> str:
        match self.what:
            case "added":
                return f"{self.pointer} added ({self.meaning}): {self.after}"
            case "removed":
                return f"{self.pointer} removed ({self.meaning}): {self.before}"
            case "changed":
                return f"{self.pointer} changed ({self.meaning}): {self.before} -> {self.after}"


def no_findings(_: str) -> tuple[str, ...]:
    """For whoever looks at what changed and not at what it says."""
    return ()


def compare(
    before: dict[str, JSON], after: dict[str, JSON], text_findings: TextFindings = no_findings
) -> tuple[Change, ...]:
    """Return what changed, in the order of the pointers, at most CHANGES_MAX. Key order is no change."""
    changes = []
    for change in _Walk(before, after, text_findings).changes(before, after, ()):
        changes.append(change)
        if len(changes) == CHANGES_MAX:
            break
    return tuple(changes)


def summarise(changes: tuple[Change, ...]) -> str:
    """One line for a record, the worst first: where it changed and what that means, without the texts."""
    worst = sorted(changes, key=lambda change: _ORDER.index(change.severity))
    parts = [
        f"{change.pointer} {change.what} ({'; '.join((change.says or change.meaning, *change.findings))})"
        for change in worst
    ]
    return "; ".join(parts)[:_SUMMARY_CHARS_MAX]


def texts_in(value: JSON) -> Iterator[tuple[str, str]]:
    """Yield (pointer, text) for every string in a value, names of members included."""
    waiting: list[tuple[str, JSON]] = [("", value)]
    while waiting:
        pointer, item = waiting.pop()
        if isinstance(item, str):
            yield pointer, item
        elif isinstance(item, dict):
            for key, inner in item.items():
                below = pointer + join_pointer((key,))
                yield below, key
                waiting.append((below, inner))
        elif isinstance(item, list):
            waiting += [(f"{pointer}/{n}", inner) for n, inner in enumerate(item)]


def addresses_in(text: str) -> tuple[str, ...]:
    """Return URLs, hosts and mail addresses that a text names, in order, each once."""
    found = dict.fromkeys(match.group().rstrip(".,;:") for match in _ADDRESS.finditer(text))
    return tuple(found)


@final
class _Walk:
    def __init__(
        self, before: dict[str, JSON], after: dict[str, JSON], text_findings: TextFindings
    ) -> None:
        self._roots = before, after
        self._text_findings = text_findings

    def changes(self, before: JSON, after: JSON, path: tuple[str, ...]) -> Iterator[Change]:
        if isinstance(before, dict) and isinstance(after, dict):
            for key in sorted({*before, *after}):
                below = (*path, key)
                if key not in before:
                    yield self._change(below, "added", None, after[key])
                elif key not in after:
                    yield self._change(below, "removed", before[key], None)
                else:
                    yield from self.changes(before[key], after[key], below)
        elif ordered(before) != ordered(after):
            yield self._change(path, "changed", before, after)

    def _change(self, path: tuple[str, ...], what: What, before: JSON, after: JSON) -> Change:
        pointer = join_pointer(path)
        severity, says = self._judge(path, what, before, after)
        if what == "changed" and same_meaning({path[-1]: before}, {path[-1]: after}):
            severity, says = "low", "only white space or order"
        findings = self._news_in(before, after)
        return Change(
            pointer=pointer,
            what=what,
            meaning=_meaning(pointer),
            before=None if what == "added" else _text(before),
            after=None if what == "removed" else _text(after),
            severity="high" if findings else severity,
            says=says,
            findings=findings,
            texts=_texts(before, after),
        )

    def _judge(
        self, path: tuple[str, ...], what: What, before: JSON, after: JSON
    ) -> tuple[Severity, str]:
        if path[0] == "annotations":
            return judge_claim(path[-1], before, after)
        if path[0] not in ("inputSchema", "outputSchema"):
            return ("medium" if _meaning("/" + path[-1]) == _TEXT else "low"), ""
        severity, says = self._judge_schema(path, what, before, after)
        # What an answer may be is the server's to say; only the text in it reaches a model.
        return ("low" if path[0] == "outputSchema" else severity), says

    def _judge_schema(
        self, path: tuple[str, ...], what: What, before: JSON, after: JSON
    ) -> tuple[Severity, str]:
        if len(path) > 2 and path[-2] == "properties" and what != "changed":  # noqa: PLR2004 - a parameter has a place above it
            return self._judge_parameter(path, what)
        if path[-1] == "properties" and what != "changed":
            given = after if what == "added" else before
            names = ", ".join(f"`{name}`" for name in names_of(given))
            return ("high", f"new parameters {names}") if what == "added" else ("low", f"parameters {names} are gone")  # fmt: skip
        return judge_keyword(path[-1], before, after)

    def _judge_parameter(self, path: tuple[str, ...], what: What) -> tuple[Severity, str]:
        name = path[-1]
        if what == "removed":
            return "low", f"parameter `{name}` is gone"
        above = _at(self._roots[1], path[:-2])
        required = above.get("required") if isinstance(above, dict) else None
        if isinstance(required, list) and name in required:
            return "high", f"new parameter `{name}`, required"
        return "medium", f"new parameter `{name}`, optional"

    def _news_in(self, before: JSON, after: JSON) -> tuple[str, ...]:
        """Say what is suspicious in the texts of `after` and was not in `before`."""
        old = [text for _, text in texts_in(before)]
        known = set(old)
        fresh = [text for _, text in texts_in(after) if text not in known]
        found = dict.fromkeys(item for text in fresh for item in self._text_findings(text))
        for item in (item for text in old for item in self._text_findings(text)) if found else ():
            found.pop(item, None)
        addresses = dict.fromkeys(address for text in fresh for address in addresses_in(text))
        for text in old if addresses else ():
            for address in addresses_in(text):
                addresses.pop(address, None)
        named = [f"new address {address}" for address in addresses]
        return (*found, *named[:_ADDRESSES_MAX])


def _at(value: JSON, path: tuple[str, ...]) -> JSON:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _meaning(pointer: str) -> str:
    if pointer.rsplit("/", 1)[-1] in _READ_BY_MODEL:
        return _TEXT
    for prefix, meaning in _MEANINGS:
        if pointer == prefix or pointer.startswith(prefix + "/"):
            return meaning
    return "other"


def _texts(before: JSON, after: JSON) -> tuple[str, str] | None:
    if not isinstance(after, str) or not isinstance(before, str | None):
        return None
    return (before or "")[:_WHOLE_CHARS_MAX], after[:_WHOLE_CHARS_MAX]


def _text(value: JSON) -> str:
    text = encode(value).decode()
    return text if len(text) <= _TEXT_CHARS_MAX else text[: _TEXT_CHARS_MAX - 1] + "…"
