"""The guard of arguments that are statements of SQL.

A statement is sent on only if every part of it is known to be harmless to a tool of this access, and what
is sent is what was judged (CWE-89). What is found out is kept for statements that come again.
"""

from collections.abc import Callable
from typing import Final, final

from yett.core.predicate import RowRule
from yett.core.target import Access
from yett.validation.kinds.port import Unfit
from yett.validation.kinds.sql.rules import Rules
from yett.validation.kinds.sql.text import STATEMENT_BYTES_MAX

STATEMENTS_KEPT_MAX: Final = 200
"""For each argument; of 20 kB each at most."""

Check = Callable[[str, Rules], str]
"""Returns the statement to send; raises `Unfit`."""
Narrow = Callable[[str, RowRule], str]
"""Returns the statement for the caller's rows only; raises `Unfit`."""


@final
class SqlGuard:
    """Asks about each statement once, and remembers what was found out."""

    __slots__ = ("_check", "_found", "_narrow", "_rules")

    def __init__(self, check: Check, narrow: Narrow, rules: dict[Access, Rules]) -> None:
        self._check: Final = check
        self._narrow: Final = narrow
        self._rules: Final = rules
        self._found: Final[dict[tuple[str, Access | RowRule], str | Unfit]] = {}

    def check(self, value: str, access: Access) -> str:
        """Return the statement to send: the same object, unless it could be read in two ways.

        Raises:
            Unfit: it is not sent.
        """
        found = self._remembered(value, access)
        return value if found == value else found

    def narrow(self, value: str, rule: RowRule) -> str:
        """Return what a checked statement becomes for a caller who may see some rows only.

        Raises:
            Unfit: it cannot be said which rows those are.
        """
        return self._remembered(value, rule)

    def _remembered(self, value: str, asked: Access | RowRule) -> str:
        key = (value, asked)
        found = self._found.pop(key, None)
        if found is None:
            found = self._look(value, asked)
        if len(value) <= STATEMENT_BYTES_MAX:
            self._found[key] = found  # the one that was asked for last is forgotten last
        if len(self._found) > STATEMENTS_KEPT_MAX:
            del self._found[next(iter(self._found))]
        if isinstance(found, Unfit):
            raise Unfit(str(found))
        return found

    def _look(self, value: str, asked: Access | RowRule) -> str | Unfit:
        try:
            if isinstance(asked, RowRule):
                return self._narrow(value, asked)
            return self._check(value, self._rules[asked])
        except Unfit as unfit:
            return unfit.with_traceback(None)
