"""A modern POST whose caller wants to hear of its call before the answer: JSON unless something is told."""

from collections.abc import Sequence
from functools import partial
from typing import final

import msgspec

from yett.core.talk import Talk
from yett.edge.gate import Gate
from yett.edge.http.connection import Connection
from yett.edge.http.message import Response
from yett.edge.mcp.inbound import Inbound
from yett.edge.mcp.line import AnswerStream, NoticeLine, event, events
from yett.edge.mcp.outbound import respond


@final
class ModernPost:
    """The agent that closes its connection cancels the call, and the server is told (MCP 2026-07-28,
    Streamable HTTP: Cancellation)."""

    def __init__(self, inbound: Inbound, talk: Talk, gate: Gate) -> None:
        self._inbound = inbound
        self._talk = talk
        self._gate = gate

    async def run(self, connection: Connection) -> Response | None:
        """Run the pipeline; the answer is the last event if there was one before."""
        inbound, talk = self._inbound, self._talk
        stream = AnswerStream(connection, b"Yett-Request-Id: %b\r\n" % inbound.call.id.encode())
        line = NoticeLine(partial(_offer, stream), token=inbound.token, log_level=talk.log_level)
        call = msgspec.structs.replace(inbound.call, talk=msgspec.structs.replace(talk, line=line))
        try:
            answer = respond(inbound, await self._gate.handle(call))
        finally:
            line.end()
            stream.close()
        if not stream.is_begun:
            return answer
        await stream.finish(event(answer.body))
        return None


def _offer(stream: AnswerStream, messages: Sequence[bytes]) -> None:
    stream.offer(events(messages))
