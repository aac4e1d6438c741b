"""The short way of 2026-07-28: a call of a tool that is written like the one before it, behind the same header.

That header and `_meta` are in order, that they say the same as the body, and what the caller can be asked, was found out
when one first took the full way; it is a matter of bytes that are the same again. What is not exactly such a call
takes the full way, and `inbound.py` says what it is.
"""

from typing import Final, final

from yett.core.bounds import STRANGER_BODY_BYTES_MAX
from yett.core.call import Call
from yett.core.operations import OPERATIONS
from yett.edge.arrival import Arrivals
from yett.edge.gate import Gate
from yett.edge.http.connection import Served
from yett.edge.http.message import Request, Response
from yett.edge.mcp.inbound import Inbound
from yett.edge.mcp.outbound import respond, write_modern
from yett.edge.mcp.versions import MODERN
from yett.edge.mcp.wording import Wordings

_CALL_TOOL: Final = OPERATIONS["tools/call"]


@final
class RepeatedCalls:
    """A `Way`, of a header that names one tool. first: the call that took the full way. wordings: how it was written."""

    __slots__ = ("_arrivals", "_gate", "_server", "_talk", "_wordings")

    def __init__(self, wordings: Wordings, first: Call, arrivals: Arrivals, gate: Gate) -> None:
        self._wordings = wordings
        self._server = first.server
        self._talk = first.talk
        self._arrivals = arrivals
        self._gate = gate

    def __call__(self, request: Request, _: object) -> Served | None:
        """Answer one request. None: it is for the full way, and nothing was done."""
        body = request.body
        read = self._wordings.read(body) if len(body) <= STRANGER_BODY_BYTES_MAX else None
        if read is None:
            return None
        name, identifier, arguments, encoded = read
        head, arrivals = request.head, self._arrivals
        wall, monotonic = arrivals.wall, arrivals.monotonic
        call = Call(
            id=next(arrivals.ids),
            operation=_CALL_TOOL,
            server=self._server,
            name=name,
            arguments=arguments,
            encoded=encoded,
            credential=head.credential,
            peer=request.peer,
            door="mcp",
            protocol=MODERN,
            received_at=wall(),
            started=monotonic(),
            talk=self._talk,
            mirrored=head.mirrored,
        )
        return self._answer(call, identifier)

    async def _answer(self, call: Call, identifier: int) -> bytes | Response:
        reply = await self._gate.handle(call)
        whole = write_modern(identifier, reply)
        if whole is not None:
            return whole
        return respond(Inbound(call, identifier, version=MODERN), reply)
