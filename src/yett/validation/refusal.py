"""How validation says no: where in the input, and what is wrong there."""

from typing import NoReturn

from yett.core.errors import Denied
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.validation.arguments import ArgumentsTooLarge, measure


def deny(pointer: str, sentence: str) -> NoReturn:
    """sentence: with a subject of its own, or with the verb first, and then it is about the value.

    Raises:
        Denied: invalid_input.
    """
    shown = f"the value {sentence}" if sentence.startswith(("is ", "has ")) else sentence
    raise Denied(
        Reason.INVALID_INPUT, f"{pointer or 'input'} {sentence}", pointer=pointer, shown=shown
    )


def forbid(pointer: str, sentence: str) -> NoReturn:
    """sentence: about the value, with the verb first.

    Raises:
        Denied: argument_denied.
    """
    raise Denied(
        Reason.ARGUMENT_DENIED,
        f"{pointer} {sentence}",
        pointer=pointer,
        shown=f"the value {sentence}",
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
