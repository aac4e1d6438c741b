"""`command`: a program that may be started, with arguments of which each fits a pattern. Pure.

A list of texts, so that nobody has to split anything. The gate starts nothing and knows no shell; the server
may hand the list to one all the same, so by default each argument is a plain word (CWE-78, CWE-88).
"""

import re
from collections.abc import Callable
from typing import Any, Final, final

from yett.core.target import JSON, Access
from yett.validation.config import CommandArgument
from yett.validation.kinds.pattern import compiled
from yett.validation.kinds.port import Unfit, WrongForm

_WORDS_MAX: Final = 256
_PLAIN: Final = re.compile(r"[\w./:@,+-][\w./:=@,+-]*", re.ASCII)
"""No shell of POSIX reads one of these in its own way."""


@final
class CommandGuard:
    """Raises:
    ValueError: a pattern of the options is none.
    """

    __slots__ = ("_line", "_plain", "_programs")

    def __init__(self, options: CommandArgument) -> None:
        self._line = options.line
        self._plain = options.plain
        self._programs = {
            program: tuple((_is_for_options(it), compiled(it).fullmatch) for it in patterns)
            for program, patterns in options.programs.items()
        }

    def check(self, value: JSON, access: Access) -> JSON:
        """Raises:
        WrongForm: it is no list of texts.
        Unfit: the program, or one of its arguments, is not allowed.
        """
        del access
        if value is None:
            return None
        words = self._words(value)
        patterns = self._programs.get(words[0])
        if patterns is None:
            raise Unfit("starts a program that is not allowed")
        for index, word in enumerate(words[1:], start=1):
            problem = self._problem(word, patterns)
            if problem:
                raise Unfit(problem).at(index) if isinstance(value, list) else Unfit(problem)
        return value

    def _words(self, value: JSON) -> list[str]:
        if isinstance(value, str) and self._line:
            words = value.split(" ")
            if not all(_PLAIN.fullmatch(word) for word in words) or "=" in words[0]:
                raise Unfit("is not made of plain words with single spaces between them")
            return words
        if not isinstance(value, list) or not value or not all(isinstance(it, str) for it in value):
            raise WrongForm("is not a list of texts: the program, then each of its arguments")
        if len(value) > _WORDS_MAX:
            raise WrongForm(f"is longer than {_WORDS_MAX} words")
        return value

    def _problem(
        self, word: str, patterns: tuple[tuple[bool, Callable[[str], Any]], ...]
    ) -> str | None:
        if not word.isprintable():
            return "has a control character or the end of a line"
        if self._plain and not _PLAIN.fullmatch(word):
            return "has a character that shells read in their own way"
        is_option = word.startswith(("-", "\N{MINUS SIGN}", "\N{EN DASH}", "\N{EM DASH}"))
        fitting = (fits for is_for_options, fits in patterns if is_for_options or not is_option)
        if not any(fits(word) for fits in fitting):
            return "is an argument that is not allowed for this program"
        return None


def _is_for_options(pattern: str) -> bool:
    """An option is taken only by a pattern that itself begins with `-`, and never by a `.*`."""
    return pattern.removeprefix("^").removeprefix("\\").startswith("-")
