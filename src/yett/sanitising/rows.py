"""Which rows of an answer its caller sees, and which fields. Pure.

An answer of a tool with `rows:` is made anew from what may be shown: nothing that stands beside the
rows documents (images, links, `_meta`, messages of failures) goes on, for a row could hide in it. A
text beside `structuredContent` is replaced by what is left of that, so the two cannot contradict.
"""

from collections.abc import Callable, Sequence
from itertools import compress
from typing import Final, NoReturn, final

import msgspec

from yett.core.call import RpcError
from yett.core.document import DocumentError, encode, parse
from yett.core.pointer import split_pointer
from yett.core.predicate import RowRule
from yett.core.target import JSON
from yett.sanitising.row_judging import JUDGING_MAX, Judge, Judges

EACH: Final = "*"
HIDDEN: Final = "rows:hidden"
UNCLEAR: Final = "rows:unclear"
CAPPED: Final = "rows:capped"
LEFT_OUT: Final = "rows:left-out"
WITHHELD: Final = "rows:withheld"
"""Findings: rows that policies do not show; rows that could not be compared; more rows than `max`; parts
of the answer that are no rows; the message of a failure."""
NOTE: Final = "yett/rows"
"""Member of `_meta` of a result that was cut to `max` rows."""

_STRUCTURED: Final = "structuredContent"
_FAILED: Final = (
    "The tool failed. What it said is withheld, for it could quote rows that are not yours."
)
_NOTHING: Final = "There is no row that you may see."
_NOBODY: Final = RowRule((), (), ())
_GONE: Final = object()

Path = tuple[str, ...]


class Untellable(ValueError):
    """The rows of an answer cannot be told apart. Quotes nothing of it."""


@final
class RowPlaces(msgspec.Struct, frozen=True):
    """Where the rows are, and what is shown of them. structured: places below `structuredContent`. text:
    places in the JSON of text blocks. names, paths: fields that are hidden, wherever they are or seen
    from the row. max: rows in one answer."""

    structured: tuple[Path, ...] = ()
    text: tuple[Path, ...] = ()
    names: frozenset[str] = frozenset()
    paths: tuple[Path, ...] = ()
    max: int | None = None


def read_places(
    at: Sequence[str], hide: Sequence[str], *, text: bool, at_most: int | None
) -> RowPlaces:
    """Read what the configuration says, once it has been checked. text: without a place of its own, the
    JSON of a text block is taken to be what `structuredContent` would be."""
    paths = [split_pointer(pointer) for pointer in at]
    structured = tuple(path[1:] for path in paths if path[:1] == (_STRUCTURED,))
    own = tuple(path for path in paths if path[:1] != (_STRUCTURED,))
    return RowPlaces(
        structured=structured,
        text=own or (structured if text else ()),
        names=frozenset(field for field in hide if not field.startswith("/")),
        paths=tuple(split_pointer(field) for field in hide if field.startswith("/")),
        max=at_most,
    )


@final
class RowFilter:
    """Of one tool. judges: shared by all."""

    __slots__ = ("_judges", "_places")

    def __init__(self, places: RowPlaces, judges: Judges) -> None:
        self._places = places
        self._judges = judges

    def result(
        self, result: dict[str, JSON], rule: RowRule | None
    ) -> tuple[dict[str, JSON], tuple[str, ...]]:
        """Return what may be shown of a checked result of the tool, and findings. rule: None shows nothing.

        Raises:
            Untellable: then nothing of it may be shown.
        """
        if result.get("isError") is True:
            return _failure(_FAILED), (WITHHELD,)
        sieve = _Sieve(self._places, *self._judges.of(rule or _NOBODY))
        if _STRUCTURED in result:
            shown = self._structured(result, sieve)
        else:
            shown = self._texts(result, sieve)
        if sieve.seen and sieve.seen == sieve.unclear:
            raise Untellable("none of its rows has what the policies about rows compare")
        for name in ("resultType", "ttlMs"):
            if name in result:
                shown[name] = result[name]
        return shown, sieve.findings()

    def _structured(self, result: dict[str, JSON], sieve: "_Sieve") -> dict[str, JSON]:
        sieve.left_out = any(block["type"] != "text" for block in result["content"])
        found = sieve.document(result[_STRUCTURED], self._places.structured)
        if found is _GONE:
            return _failure(_NOTHING)
        blocks = [{"type": "text", "text": encode(found).decode()}]
        return _with_note({"content": blocks, _STRUCTURED: found}, sieve)

    def _texts(self, result: dict[str, JSON], sieve: "_Sieve") -> dict[str, JSON]:
        blocks: list[JSON] = []
        documents = 0
        for block in result["content"]:
            if block["type"] != "text":
                sieve.left_out = True
                continue
            documents += 1
            found = sieve.document(_json_of(block["text"]), self._places.text)
            if found is not _GONE:
                blocks.append({"type": "text", "text": encode(found).decode()})
        if not documents and result["content"]:
            raise Untellable("it holds no rows, and something else")
        if documents and not blocks:
            return _failure(_NOTHING)
        return _with_note({"content": blocks}, sieve)


def withheld(error: RpcError) -> RpcError:
    """Return an error of the server without what it says."""
    return RpcError(error.code, _FAILED, None)


def _failure(text: str) -> dict[str, JSON]:
    return {"content": [{"type": "text", "text": text}], "isError": True}


def _with_note(shown: dict[str, JSON], sieve: "_Sieve") -> dict[str, JSON]:
    """Say that there is more, to a model and to a program; never how much."""
    if sieve.capped:
        text = f"Only the first {sieve.shown} rows are shown; there are more."
        shown["content"].append({"type": "text", "text": text})
        shown["_meta"] = {NOTE: {"shown": sieve.shown, "more": True}}
    return shown


def _json_of(text: str) -> JSON:
    try:
        return parse(text.encode())
    except DocumentError as error:
        raise Untellable(f"a text is no JSON: {error}") from None


@final
class _Sieve:
    """One answer on its way through. seen: rows. unclear: those that could not be compared."""

    def __init__(self, places: RowPlaces, judge: Judge, conditions: int) -> None:
        self._judge = judge
        self._conditions = conditions
        self._names = places.names
        self._paths = places.paths
        self._max = places.max
        self.seen = 0
        self.shown = 0
        self.unclear = 0
        self.hidden = False
        self.capped = False
        self.left_out = False
        self._is_there = False

    def findings(self) -> tuple[str, ...]:
        found = {
            HIDDEN: self.hidden,
            UNCLEAR: self.unclear > 0,
            CAPPED: self.capped,
            LEFT_OUT: self.left_out,
        }
        return tuple(name for name, is_so in found.items() if is_so)

    def document(self, value: JSON, places: Sequence[Path]) -> JSON:
        """Return what is left of a document, or `_GONE`."""
        self._is_there = False
        for place in places:
            if value is not _GONE:
                value = self._at(value, place)
        if not self._is_there:
            raise Untellable("it has nothing at the place where its rows should be")
        return _without_names(value, self._names) if self._names else value

    def _at(self, value: JSON, place: Path) -> JSON:
        if value is None:  # as servers say "none"
            self._is_there = True
            return None
        if not place:
            return self._rows(value)
        name, rest = place[0], place[1:]
        if name == EACH:
            return self._each(value, rest)
        if type(value) is not dict:
            _not_here()
        if name not in value:
            return value
        found = self._at(value[name], rest)
        return _GONE if found is _GONE else {**value, name: found}

    def _each(self, value: JSON, rest: Path) -> JSON:
        if type(value) is list:
            if not rest:
                return self._rows(value)
            self._is_there |= not value
            return [kept for item in value if (kept := self._at(item, rest)) is not _GONE]
        if type(value) is not dict:
            _not_here()
        if not rest:
            self._is_there = True
            shown = self._select(list(value.values()))
            return {name: self._fit(value[name]) for name in compress(value, shown)}
        self._is_there |= not value
        found = {name: self._at(item, rest) for name, item in value.items()}
        return {name: kept for name, kept in found.items() if kept is not _GONE}

    def _rows(self, value: JSON) -> JSON:
        """The place itself: a list of rows, or one row alone."""
        self._is_there = True
        if type(value) is dict:
            return self._fit(value) if self._select([value])[0] else _GONE
        if type(value) is not list:
            _not_here()
        rows = list(compress(value, self._select(value)))
        return [self._fit(row) for row in rows] if self._paths else rows

    def _select(self, rows: list[JSON]) -> list[bool]:
        """Say which rows are shown, and count."""
        self.seen += len(rows)
        if self.seen * self._conditions > JUDGING_MAX:
            raise Untellable("it has too many rows for so many conditions")
        known = [row for row in rows if type(row) is dict]
        verdicts = self._judge(known)
        if len(known) < len(rows):
            each = iter(verdicts)
            verdicts = [next(each) if type(row) is dict else None for row in rows]
        shown = [holds is True for holds in verdicts]
        unclear, permitted = verdicts.count(None), shown.count(True)
        self.unclear += unclear
        self.hidden |= len(rows) > permitted + unclear
        if self._max is not None and self.shown + permitted > self._max:
            self.capped = True
            shown = _first(shown, self._max - self.shown)
            permitted = self._max - self.shown
        self.shown += permitted
        return shown

    def _fit(self, row: JSON) -> JSON:
        """Take out what is hidden by its place in the row."""
        for path in self._paths:
            row = _without_path(row, path)
        return row


def _first(shown: list[bool], count: int) -> list[bool]:
    """Keep the first of those that are shown."""
    places = [place for place, is_shown in enumerate(shown) if is_shown][:count]
    kept = [False] * len(shown)
    for place in places:
        kept[place] = True
    return kept


def _not_here() -> NoReturn:
    raise Untellable("something else stands where its rows should be")


def _without_path(value: JSON, path: Path) -> JSON:
    """Return a value without the member at the end of a path; what is not there is no matter."""
    name, rest = path[0], path[1:]
    if name == EACH and type(value) is list:
        return [_without_path(item, rest) for item in value] if rest else []
    if type(value) is not dict or name not in value:
        return value
    if rest:
        return {**value, name: _without_path(value[name], rest)}
    return {member: item for member, item in value.items() if member != name}


def _without_names(value: JSON, names: frozenset[str]) -> JSON:
    """Return a value without the members of these names, wherever they stand."""
    if type(value) is list:
        return [_without_names(item, names) for item in value]
    if type(value) is not dict:
        return value
    kept = (
        value.copy()
    )  # and take out: for the few that are hidden, half the time of choosing what stays
    for name in names:
        kept.pop(name, None)
    for name in [name for name, item in kept.items() if type(item) in _CONTAINERS]:
        kept[name] = _without_names(kept[name], names)
    return kept


_CONTAINERS: Final[frozenset[Callable[..., JSON]]] = frozenset({list, dict})
