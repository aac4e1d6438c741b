"""Find out which era a freshly started server speaks, and open the conversation."""

import asyncio
from typing import Final

from yett.upstreams.backends.stdio.conversation import Conversation
from yett.upstreams.handshake import (
    DISCOVER_PARAMS,
    Opening,
    initialize_params,
    judge_discovery,
    judge_initialization,
    with_meta,
)
from yett.upstreams.port import NO_WISHES, Era, Exchange, Wishes
from yett.upstreams.rpc import InvalidAnswer

# Some legacy servers never answer what comes before `initialize`.
PROBE_SECONDS: Final = 2.0


async def open_conversation(
    conversation: Conversation, deadline: float, *, known: Era | None, wishes: Wishes = NO_WISHES
) -> Opening:
    """Agree on an era. known: what the server spoke last, so that it need not be asked again. wishes:
    what a legacy server is told that it may ask.

    A server that starts slowly may answer the probe after `initialize` was sent to it, so both
    answers are waited for and a modern one wins (2026-07-28, stdio: Backward Compatibility).

    Raises:
        NotWritten, Ended: the process went away.
        TimeoutError: it did not answer.
        InvalidAnswer: it answers, and neither era can be opened.
    """
    if known is Era.LEGACY:
        exchange = await conversation.ask("initialize", initialize_params(wishes), deadline)
        return _finish_legacy(conversation, exchange)
    probe = conversation.post("server/discover", with_meta(DISCOVER_PARAMS)).answer
    initialization: asyncio.Future[Exchange] | None = None
    try:
        await asyncio.wait({probe}, timeout=PROBE_SECONDS)
        opening = _read_probe(probe)
        if opening is not None:
            return opening
        initialization = conversation.post("initialize", initialize_params(wishes)).answer
        opening = await _race(probe, initialization, deadline)
        return opening or _finish_legacy(conversation, initialization.result())
    finally:
        _drop(probe)
        if initialization is not None:
            _drop(initialization)


async def _race(
    probe: "asyncio.Future[Exchange]", initialization: "asyncio.Future[Exchange]", deadline: float
) -> Opening | None:
    """Wait for `initialize` to be answered; return the modern opening if the probe is, before."""
    loop = asyncio.get_running_loop()
    while not initialization.done():
        waiting = {initialization} if probe.done() else {initialization, probe}
        done, _ = await asyncio.wait(
            waiting, timeout=deadline - loop.time(), return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            raise TimeoutError
        opening = _read_probe(probe)
        if opening is not None:
            return opening
    return None


def _drop(waiter: "asyncio.Future[Exchange]") -> None:
    """An answer that still comes is passed over; an error is not missed by anybody."""
    if not waiter.cancel() and not waiter.cancelled():
        waiter.exception()


def _read_probe(probe: "asyncio.Future[Exchange]") -> Opening | None:
    """Return the modern opening if there is evidence of one.

    Raises:
        Ended: the process went away.
    """
    if not probe.done() or probe.cancelled() or isinstance(probe.exception(), InvalidAnswer):
        return None
    return judge_discovery(probe.result())


def _finish_legacy(conversation: Conversation, exchange: Exchange) -> Opening:
    opening = judge_initialization(exchange)
    conversation.notify("notifications/initialized")
    return opening
