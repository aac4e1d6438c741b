"""One request over a conversation, its failures in the words of the port."""

from typing import NoReturn

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.upstreams.backends.stdio.conversation import Conversation, Ended, NotWritten
from yett.upstreams.backends.stdio.hearing import Hearing
from yett.upstreams.port import Exchange
from yett.upstreams.rpc import InvalidAnswer, take_result_type


async def exchange_with(
    conversation: Conversation,
    method: str,
    params: dict[str, JSON],
    deadline: float,
    *,
    modern: bool,
    hearing: Hearing | None = None,
) -> Exchange:
    """Ask one thing and return the answer. deadline: loop time. hearing: who asks, if more than the
    answer passes.

    Raises:
        Fault: as `Transport.request`.
    """
    try:
        exchange = await conversation.ask(method, params, deadline, modern=modern, hearing=hearing)
        if modern and exchange.result is not None:
            take_result_type(exchange.result, None if hearing is None else hearing.beside)
        return exchange
    except TimeoutError:
        raise Fault(Reason.UPSTREAM_TIMEOUT, "no answer in time", sent=True) from None
    except NotWritten as error:
        raise Fault(Reason.UPSTREAM_UNREACHABLE, str(error)) from None
    except InvalidAnswer as error:
        raise Fault(Reason.UPSTREAM_INVALID, str(error), sent=True) from None
    except Ended as error:
        fail(error, sent=True)


def fail(error: Ended, *, sent: bool = False) -> NoReturn:
    reason = Reason.UPSTREAM_INVALID if error.broken else Reason.UPSTREAM_UNREACHABLE
    raise Fault(reason, str(error), sent=sent) from None
