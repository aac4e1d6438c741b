"""Go on with a stream that was cut before the answer came (MCP 2025-11-25, Resumability and
Redelivery): servers do that on purpose, so that nobody has to keep a connection open."""

import asyncio
from typing import Final

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.upstreams.backends.http.client import Client
from yett.upstreams.backends.http.conversation import Session, describe_status
from yett.upstreams.backends.http.headers import stream_request
from yett.upstreams.backends.http.listener import Listener
from yett.upstreams.backends.http.response import OK, STREAM_TYPE, Response
from yett.upstreams.rpc import InvalidAnswer

ATTEMPTS_MAX: Final = 1_000
FRUITLESS_MAX: Final = 20
"""In a row, without a new event id."""
_PAUSE_SECONDS: Final = 1.0  # unless the server says otherwise
_PAUSE_SECONDS_MIN: Final = 0.02


async def resume(client: Client, session: Session, listener: Listener, deadline: float) -> Response:
    """Ask for the rest of a stream, again and again, until its answer has come. deadline: loop time.

    Raises:
        Fault: UPSTREAM_TIMEOUT, or UPSTREAM_UNREACHABLE to the end; the request had been sent.
        InvalidAnswer: the server does not go on with it.
    """
    loop = asyncio.get_running_loop()
    fruitless = 0
    for _ in range(ATTEMPTS_MAX):
        events = listener.events
        last_id = b"" if events is None else events.last_id
        request = stream_request(session.head, last_id) if last_id else None
        if events is None or request is None or fruitless > FRUITLESS_MAX:
            break
        pause = _PAUSE_SECONDS if events.retry_seconds is None else events.retry_seconds
        pause = max(pause, _PAUSE_SECONDS_MIN)
        if loop.time() + pause >= deadline:
            raise Fault(Reason.UPSTREAM_TIMEOUT, "no answer in time", sent=True)
        await asyncio.sleep(pause)
        response = await _get(client, request, listener, deadline)
        if response is not None and listener.exchange is not None:
            return response
        fruitless = 0 if listener.events and listener.events.last_id != last_id else fruitless + 1
    raise InvalidAnswer("the event stream ended without an answer")


async def _get(
    client: Client, request: bytes, listener: Listener, deadline: float
) -> Response | None:
    """Return the end of another piece of the stream; None: the server is away for the moment."""
    try:
        response = await client.send(request, deadline, listener, repeatable=True, sent=True)
    except Fault as fault:
        if fault.reason is Reason.UPSTREAM_TIMEOUT:
            raise
        return None
    if response.head.status != OK or response.head.media is not STREAM_TYPE:
        raise InvalidAnswer(f"the stream is not continued: {describe_status(response.head.status)}")
    return response
