"""Start a process and open the conversation with it."""

import asyncio
from collections.abc import Callable
from typing import Final

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.upstreams.backends.stdio.child import Launch, start
from yett.upstreams.backends.stdio.conversation import Conversation, Ended, NotWritten
from yett.upstreams.backends.stdio.exchanging import fail
from yett.upstreams.backends.stdio.hearing import Hearing
from yett.upstreams.backends.stdio.lines import LastWords
from yett.upstreams.backends.stdio.opening import open_conversation
from yett.upstreams.handshake import Opening
from yett.upstreams.port import NO_WISHES, Era
from yett.upstreams.rpc import InvalidAnswer

# `uvx` and `npx` may fetch the server first.
HANDSHAKE_SECONDS_MAX: Final = 60.0
_STATUS_SECONDS: Final = 0.5


async def begin(
    launch: Launch,
    words: LastWords,
    *,
    known: Era | None,
    change: Callable[[], None],
    ended: Callable[[Conversation, str], None],
    sole: Hearing | None = None,
) -> tuple[Conversation, Opening]:
    """Return an open conversation. known: what the server spoke last. sole: whose process it is to be.

    Raises:
        Ended: it ended before it had answered.
        Fault: it cannot be started, does not answer, or what it answers is not of the protocol.
    """
    child = await start(launch, words)
    conversation = Conversation(child, words, change=change, ended=ended, sole=sole)
    deadline = asyncio.get_running_loop().time() + HANDSHAKE_SECONDS_MAX
    wishes = NO_WISHES if sole is None else sole.beside.wishes
    opened = False
    try:
        opening = await open_conversation(conversation, deadline, known=known, wishes=wishes)
        conversation.modern = opening.era is Era.MODERN
        if opening.era is Era.LEGACY and wishes.log_level is not None:
            params = {"level": wishes.log_level}
            await conversation.ask("logging/setLevel", params, deadline)
        opened = True
        return conversation, opening
    except TimeoutError:
        raise Fault(Reason.UPSTREAM_TIMEOUT, "it started and never answered") from None
    except InvalidAnswer as error:
        raise Fault(Reason.UPSTREAM_INVALID, str(error)) from None
    except NotWritten as error:  # its input was closed first; how it ended says more
        status = await child.wait(_STATUS_SECONDS)
        why = str(error) if status is None else f"it ended with status {status}"
        raise Ended(why, broken=False) from None
    finally:
        if not opened:
            await conversation.close()


async def begin_for_one(
    launch: Launch,
    words: LastWords,
    hearing: Hearing,
    *,
    known: Era | None,
    change: Callable[[], None],
    ended: Callable[[Conversation, str], None],
) -> tuple[Conversation, Opening]:
    """As `begin`, for the calls of one caller.

    Raises:
        Fault: as `begin`.
    """
    try:
        return await begin(launch, words, known=known, change=change, ended=ended, sole=hearing)
    except Ended as error:
        fail(error)
