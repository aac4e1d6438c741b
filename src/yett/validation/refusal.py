"""How validation says no: where in the input, and what is wrong there."""

from typing import NoReturn

from yett.core.errors import Denied
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.validation.arguments import ArgumentsTooLarge, measure


def deny(pointer: str, sentence: str) -> NoReturn:
    """Raises:
    Denied: invalid_input.
    """
    raise Denied(
        Reason.INVALID_INPUT, f"{pointer or 'input'} {sentence}", pointer=pointer, shown=sentence
    )


def measured(arguments: dict[str, JSON]) -> tuple[int, int]:
    """Return nodes and depth of arguments within the caps.

    Raises:
        Denied: invalid_input, a cap is exceeded.
    """
    try:
        return measure(arguments)
    except ArgumentsTooLarge as error:
        deny(error.pointer, error.message)
