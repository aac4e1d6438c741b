"""Rows of the corpora in, tables of what was found out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, final

import msgspec

DEFAULT: Final = Path(__file__).parents[3] / "shared" / "corpora"


def read(directory: Path, name: str) -> Iterator[dict[str, Any]]:
    with (directory / f"{name}.jsonl").open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def readable(text: str) -> str:
    """A corpus may hold half a surrogate pair; an answer that is UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()


@final
class Table:
    """How many rows there are under a heading, per kind and source, and in how many something was found."""

    def __init__(self, heading: str) -> None:
        self.heading: Final = heading
        self._rows: dict[tuple[str, str], list[int]] = {}

    def add(self, kind: str, source: str, *, found: bool) -> None:
        short = source.partition("@")[0].removeprefix("derived: generated from regex in ")
        entry = self._rows.setdefault((kind, short), [0, 0])
        entry[0] += 1
        entry[1] += found

    @property
    def rows(self) -> int:
        return sum(rows for rows, _ in self._rows.values())

    @property
    def found(self) -> int:
        return sum(found for _, found in self._rows.values())

    @property
    def percent(self) -> float:
        return 100 * self.found / self.rows if self.rows else 0.0

    def lines(self) -> Iterator[str]:
        """Markdown."""
        yield f"### {self.heading}: {self.found} of {self.rows}\n"
        yield "| kind | source | rows | found |\n|---|---|---:|---:|"
        for (kind, source), (rows, found) in sorted(self._rows.items()):
            yield f"| {kind} | {source} | {rows} | {found} |"
        yield ""


@final
class Figure(msgspec.Struct, frozen=True):
    """What was promised and what was measured. bar: None: nothing was. least: the measured value must not
    be lower; else not higher."""

    what: str
    measured: float
    bar: float | None
    unit: str = "%"
    least: bool = True

    @property
    def holds(self) -> bool:
        if self.bar is None:
            return True
        return self.measured >= self.bar if self.least else self.measured <= self.bar

    def __str__(self) -> str:
        measured = f"| {self.what} | {{}} | {self.measured:.1f} {self.unit} | {{}} |"
        if self.bar is None:
            return measured.format("", "")
        sign, verdict = "≥" if self.least else "≤", "pass" if self.holds else "MISS"
        return measured.format(f"{sign} {self.bar:g} {self.unit}", verdict)


def figure(table: Table, bar: float, *, least: bool = True) -> Figure:
    return Figure(table.heading, table.percent, bar, least=least)
