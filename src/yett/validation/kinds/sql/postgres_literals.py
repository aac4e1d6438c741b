"""Finds values that somebody wrote into a statement instead of sending them as parameters (CWE-89)."""

from typing import Final

from yett.validation.kinds.port import Unfit
from yett.validation.kinds.sql.postgres_tree import Tree, below, inner

_COUNTS: Final = ("limit_count", "limit_offset")
_NO_VALUES: Final = frozenset({"TypeName", "DefElem"})
"""What they hold belongs to the form of the statement: `numeric(10, 2)`, `FORMAT json`."""


def check_no_literals(tree: Tree) -> None:
    """Let whole numbers pass where they count or name a column (LIMIT, OFFSET, ORDER BY, GROUP BY), and
    NULL, TRUE and FALSE everywhere.

    Raises:
        Unfit: there is another literal.
    """
    waiting = [tree]
    while waiting:
        message = waiting.pop()
        name = message.DESCRIPTOR.name
        if name == "A_Const":
            _check(message)
        elif name == "SelectStmt":
            waiting.extend(_parts_of_select(message))
        elif name == "SortBy":
            waiting.extend(part for part in below(message) if not _is_count(part))
        elif name not in _NO_VALUES:
            waiting.extend(below(message))


def _check(constant: Tree) -> None:
    if not constant.isnull and not constant.HasField("boolval"):
        raise Unfit("has a value written into it; send it as a parameter")


def _parts_of_select(select: Tree) -> list[Tree]:
    """Return what is below, without the numbers that count."""
    copied = type(select)()
    copied.CopyFrom(select)
    for name in _COUNTS:
        if copied.HasField(name) and _is_count(inner(getattr(copied, name))):
            copied.ClearField(name)
    grouped = [node for node in copied.group_clause if not _is_count(inner(node))]
    del copied.group_clause[:]
    copied.group_clause.extend(grouped)
    return below(copied)


def _is_count(part: Tree) -> bool:
    return part is not None and part.DESCRIPTOR.name == "A_Const" and part.HasField("ival")
