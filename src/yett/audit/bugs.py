"""What is said about a mistake of ours: where it is, never what it held (CWE-209, CWE-532)."""

import logging
from pathlib import PurePath
from typing import Final

_log: Final = logging.getLogger("yett.bug")


def place_of(bug: BaseException) -> str:
    """Return the type's name and the place, e.g. `KeyError at stage.py:12`."""
    name = type(bug).__name__
    step = bug.__traceback__
    if step is None:
        return name
    while step.tb_next is not None:
        step = step.tb_next
    return f"{name} at {PurePath(step.tb_frame.f_code.co_filename).name}:{step.tb_lineno}"


def trace(bug: Exception, call_id: str) -> None:
    """Send the traceback to the log, whose handler redacts it."""
    _log.error("a mistake in Yett ended call %s", call_id, exc_info=bug)
