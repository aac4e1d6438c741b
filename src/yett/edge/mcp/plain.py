"""The short way: a call of a tool in a session that says nothing beside itself, read in one look.

What a header alone decides (path, Host, Origin, media type, version, session) was decided when a request with it
first took the full way, so it is kept with the header. What may change is asked each time: here whether
the session is open and wants to be told of nothing, and on the road of the call everything else, who calls first of all.
What is not exactly such a call takes the full way, and `inbound.py` says what it is.
"""

import asyncio
from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final, final

from yett.core.bounds import STRANGER_BODY_BYTES_MAX
from yett.core.call import Call
from yett.core.document import DocumentError, parse
from yett.core.operations import OPERATIONS
from yett.core.target import JSON
from yett.edge.arrival import Arrivals
from yett.edge.http.connection import Served
from yett.edge.http.message import Request
from yett.edge.mcp.envelope import ENVELOPE_MEMBERS
from yett.edge.mcp.inbound import Inbound
from yett.edge.mcp.sessions import USED_SECONDS, Session, Sessions
from yett.edge.mcp.wording import Wordings

_CALL_TOOL: Final = OPERATIONS["tools/call"]
_open_envelope: Final = itemgetter("jsonrpc", "id", "method", "params")
_open_params: Final = itemgetter("name", "arguments")
_PARAMS_MEMBERS: Final = len(("name", "arguments"))


@final
class PlainCalls:
    """A `Way`, of the header of one session. hears: the agent takes streams, so that it may be asked something before
    the answer. call: see `Legacy.call`. go_on: the full way, for a message that was parsed."""

    __slots__ = ("_arrivals", "_call", "_go_on", "_hears", "_session", "_sessions", "_wordings")

    def __init__(
        self,
        session: Session,
        sessions: Sessions,
        arrivals: Arrivals,
        *,
        hears: bool,
        call: Callable[[Inbound, Session, Request, "asyncio.Task[Any]"], Served],
        go_on: Callable[[Request, str | None, JSON], Served],
    ) -> None:
        self._session = session
        self._sessions = sessions
        self._arrivals = arrivals
        self._hears = hears
        self._call = call
        self._go_on = go_on
        self._wordings = Wordings()

    def __call__(self, request: Request, task: "asyncio.Task[Any]") -> Served | None:
        """Answer one request. None: it is for the full way, and nothing was done."""
        session, arrivals, body = self._session, self._arrivals, request.body
        talk = session.talk if self._hears else None
        started = arrivals.monotonic()
        if (
            (talk is not None and talk.log_level is not None)
            or len(body) > STRANGER_BODY_BYTES_MAX
            or (started > session.used + USED_SECONDS and not self._is_open())
        ):
            return None
        read = self._wordings.read(body)
        if read is None:
            try:
                message = parse(body)
            except DocumentError:
                return None
            read = _read_plain(message)
            if read is None:
                return self._go_on(request, session.server, message)
            self._wordings.learn(message, body)
        name, identifier, arguments, encoded = read
        call = Call(
            id=next(arrivals.ids),
            operation=_CALL_TOOL,
            server=session.server,
            name=name,
            arguments=arguments,
            encoded=encoded,
            credential=request.head.credential,
            owner=session.owner,
            session=session.id,
            peer=request.peer,
            door="mcp",
            protocol=session.version,
            received_at=arrivals.wall(),
            started=started,
            talk=talk,
        )
        inbound = Inbound(call, identifier, None, None, session, session.version)
        return self._call(inbound, session, request, task)

    def _is_open(self) -> bool:
        return self._sessions.find(self._session.id, self._session.server) is self._session


def _read_plain(message: JSON) -> tuple[str, int, dict[str, JSON], bytes] | None:
    """Read a message as `Wordings.read` does, however it is written; its arguments were not encoded."""
    try:
        version, identifier, method, params = _open_envelope(message)
        name, arguments = _open_params(params)
    except (KeyError, TypeError):
        return None
    if (
        len(message) != ENVELOPE_MEMBERS
        or len(params) != _PARAMS_MEMBERS
        or version != "2.0"
        or method != "tools/call"
        or type(identifier) is not int
        or type(name) is not str
        or name == ""
        or type(arguments) is not dict
    ):
        return None
    return name, identifier, arguments, b""
