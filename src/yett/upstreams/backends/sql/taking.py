"""Rows on their way into one answer, until it is full. Pure."""

from collections.abc import Sequence
from typing import Final, final

from yett.core.document import encode
from yett.core.target import JSON
from yett.upstreams.backends.sql.engine import ROWS_BYTES_MAX, Column, Rejected, Rows

COLUMNS_MAX: Final = 200
_VALUES_MAX: Final = 50_000


def check_columns(columns: tuple[Column, ...]) -> None:
    """Raises:
    Rejected: there are none, too many, or two of one name, of which a row would show one only.
    """
    if not columns:
        raise Rejected("it returns no rows; only statements that read are run")
    if len(columns) > COLUMNS_MAX:
        raise Rejected(f"it has more than {COLUMNS_MAX} columns; name the ones that are needed")
    names = [column.name for column in columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Rejected(f"two columns are called `{twice}`; give each a name of its own with AS")


@final
class Taken:
    """rows_max: of the answer."""

    __slots__ = ("_bytes", "_columns", "_rows", "_rows_max", "is_full")

    def __init__(self, columns: tuple[Column, ...], rows_max: int) -> None:
        self._columns = columns
        self._rows_max = min(rows_max, _VALUES_MAX // len(columns))
        self._rows: list[dict[str, JSON]] = []
        self._bytes = 0
        self.is_full = False

    @property
    def room(self) -> int:
        """How many more rows there may be."""
        return self._rows_max - len(self._rows)

    def add(self, values: Sequence[JSON]) -> None:
        """Take one more row, or find that the answer is full.

        Raises:
            Rejected: the first one is too large already.
        """
        if self.is_full or not self.room:
            self.is_full = True
            return
        row = {column.name: value for column, value in zip(self._columns, values, strict=True)}
        size = len(encode(row))
        if self._bytes + size > ROWS_BYTES_MAX:
            if not self._rows:
                raise Rejected(
                    f"one row has more than {ROWS_BYTES_MAX} bytes; ask for fewer columns, or parts of them"
                )
            self.is_full = True
            return
        self._bytes += size
        self._rows.append(row)

    def rows(self) -> Rows:
        return Rows(self._columns, tuple(self._rows), self.is_full)
