"""One request over a conversation, its failures in the words of the port."""

from typing import NoReturn

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.upstreams.backends.stdio.conversation import Conversation, Ended, NotWritten
from yett.upstreams.backends.stdio.hearing import Hearing
from yett.upstreams.port import Exchange
from yett.upstreams.rpc import InvalidAnswer, completed


async def exchange_with(
    conversation: Conversation,
    method: str,
    params: dict[str, JSON],
    deadline: float,
    hearing: Hearing | None = None,
) -> Exchange:
    """Ask one thing and return the answer. deadline: loop time. hearing: who asks, if more than the
    answer passes.

    Raises:
        Fault: as `Transport.request`.
    """
    try:
        exchange = await conversation.ask(method, params, deadline, hearing=hearing)
        if not conversation.modern:
            return exchange
        return completed(exchange, None if hearing is None else hearing.beside)
    except (TimeoutError, NotWritten, InvalidAnswer, Ended) as trouble:
        raise as_fault(trouble) from None


def as_fault(trouble: BaseException) -> BaseException:
    """Return what the port says of something that was raised by a conversation; anything else as it is."""
    if isinstance(trouble, TimeoutError):
        return Fault(Reason.UPSTREAM_TIMEOUT, "no answer in time", sent=True)
    if isinstance(trouble, NotWritten):
        return Fault(Reason.UPSTREAM_UNREACHABLE, str(trouble))
    if isinstance(trouble, InvalidAnswer):
        return Fault(Reason.UPSTREAM_INVALID, str(trouble), sent=True)
    return _end(trouble, sent=True) if isinstance(trouble, Ended) else trouble


def fail(error: Ended) -> NoReturn:
    """Say that it ended before a caller's request was written.

    Raises:
        Fault: always.
    """
    raise _end(error, sent=False) from None


def _end(error: Ended, *, sent: bool) -> Fault:
    reason = Reason.UPSTREAM_INVALID if error.broken else Reason.UPSTREAM_UNREACHABLE
    return Fault(reason, str(error), sent=sent)
