"""What PostgreSQL says when something fails, and how much of it a caller may know.

Only the first line of a message and its code: `DETAIL` and `HINT` quote rows and names that are not the
caller's. Of faults of the server itself nothing but the code (SQLSTATE; PostgreSQL, Appendix A).
"""

import ssl
from typing import Final

import asyncpg

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.upstreams.backends.sql.engine import NO_SUCH_TABLE, Rejected

_MESSAGE_CHARS_MAX: Final = 300
_CANCELED: Final = "57014"
_HIDDEN: Final = frozenset({"42501", "42P01", "3F000"})
"""No right to it, no such table, no such schema: which of them is nobody's business."""
_OF_THE_SERVER: Final = frozenset({"08", "28", "3D", "53", "57", "58", "F0", "HV", "XX"})
_GONE: Final = frozenset({"08", "57"})

FAILURES: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    ValueError,  # from a decoder: a value that nothing here knows the form of
)


def rejected(error: Exception, seconds: float) -> Rejected | Fault:
    """Return what a caller is told of a statement that failed. seconds: that it was given."""
    if isinstance(error, asyncpg.PostgresError):
        return _of_the_database(error, seconds)
    if isinstance(error, OSError):
        return Fault(Reason.UPSTREAM_UNREACHABLE, "the connection was lost", sent=True)
    if isinstance(
        error, asyncpg.InternalClientError | asyncpg.UnsupportedClientFeatureError
    ) or not isinstance(error, asyncpg.InterfaceError):
        return Rejected("a value of the result cannot be read; cast it to text")
    return Rejected(_line(str(error)))


def _of_the_database(error: asyncpg.PostgresError, seconds: float) -> Rejected | Fault:
    code = str(error.sqlstate or "")
    message = str(getattr(error, "message", None) or "")
    if code == _CANCELED:
        return Rejected(
            f"it took longer than {seconds:.3g} seconds, and was ended; ask for less ({code})"
        )
    if code[:2] in _GONE:
        return Fault(
            Reason.UPSTREAM_UNREACHABLE, f"the database ended the connection ({code})", sent=True
        )
    if code in _HIDDEN and "function" not in message:
        return Rejected(NO_SUCH_TABLE)
    if code[:2] in _OF_THE_SERVER:
        return Rejected(f"the database could not do it ({code})")
    return Rejected(f"{_line(message)} ({code})")


def unreachable(error: Exception, where: str) -> Fault:
    """Return what the operator is told of a connection that could not be opened; no address but `where`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"its certificate is refused: {error.verify_message or 'pin mismatch'}"
    elif isinstance(error, asyncpg.PostgresError):
        why = f"{_line(str(getattr(error, 'message', None) or error))} ({error.sqlstate})"
        if str(error.sqlstate).startswith("28"):
            why += "; the role or its credential is refused"
    elif isinstance(error, TimeoutError):
        why = "no answer in time"
    elif isinstance(error, OSError) and error.strerror:
        why = _line(error.strerror)
    else:
        why = _line(str(error)) or type(error).__name__
    return Fault(Reason.UPSTREAM_UNREACHABLE, f"cannot connect to {where}: {why}")


def _line(text: str) -> str:
    first = text.split("\n", 1)[0][:_MESSAGE_CHARS_MAX]
    return "".join(character for character in first if character.isprintable())
