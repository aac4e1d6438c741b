"""What is known of a call that ended without an answer that is paid for. Pure."""

from typing import Final

from yett.core.errors import Refusal
from yett.core.reasons import Reason

# With these nobody knows whether the call was made; any other refusal says that it was.
_UNKNOWN: Final = frozenset(
    {Reason.UPSTREAM_TIMEOUT, Reason.UPSTREAM_UNREACHABLE, Reason.CANCELLED, Reason.INTERNAL_ERROR}
)


def never_left(error: BaseException | None) -> bool:
    """Only this is known not to have reached the upstream; anything less certain is paid for."""
    return (
        isinstance(error, Refusal)
        and error.reason is Reason.UPSTREAM_UNREACHABLE
        and not error.sent
    )


def is_unknown(error: BaseException | None) -> bool:
    """Say whether the upstream may or may not have done what it was asked."""
    return not isinstance(error, Refusal) or error.reason in _UNKNOWN
