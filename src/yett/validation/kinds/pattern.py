"""`pattern`: a text of one form, judged in linear time. Pure."""

from typing import Any, Final, final

import re2

from yett.core.target import Access
from yett.validation.config import PatternArgument
from yett.validation.kinds.port import WrongForm

_BYTES_MAX: Final = 1024 * 1024


def compiled(pattern: str) -> Any:
    """Compile an operator's pattern.

    Raises:
        ValueError: it is no pattern of RE2, or too large.
    """
    options = re2.Options()
    options.max_mem = _BYTES_MAX
    options.log_errors = False
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        said = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise ValueError(f"RE2 does not take the pattern: {said}") from error


@final
class PatternGuard:
    """Raises:
    ValueError: the pattern of the options is none.
    """

    __slots__ = ("_fits",)

    def __init__(self, options: PatternArgument) -> None:
        self._fits = compiled(options.pattern).fullmatch

    def check(self, value: str, access: Access) -> str:
        """Raises:
        WrongForm: it does not fit.
        """
        del access
        if self._fits(value) is None:
            raise WrongForm("does not fit the pattern that is demanded here")
        return value
