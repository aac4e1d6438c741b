"""A table that is never wrapped: `grep` works on it, and an id can be copied from a narrow terminal."""

import sys
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDTH: Final = 4096


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    console = Console(file=sys.stdout, width=_WIDTH, highlight=False, markup=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
