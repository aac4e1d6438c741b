"""Open a session with a server of MCP 2024-11-05 (HTTP with SSE)."""

import asyncio
from collections.abc import Callable
from typing import Final, final

from yett.core.proofs import Credential
from yett.core.secret import Secret
from yett.upstreams.backends.http.channel import ENDPOINT_SECONDS_MAX, Channel, same_place
from yett.upstreams.backends.http.client import Client
from yett.upstreams.backends.http.conversation import Owner, Receiver, Session, add_body
from yett.upstreams.backends.http.endpoint import Endpoint
from yett.upstreams.backends.http.headers import build_head
from yett.upstreams.backends.http.response import Response
from yett.upstreams.background import Background
from yett.upstreams.handshake import INITIALIZE_PARAMS, judge_initialization
from yett.upstreams.port import Lease
from yett.upstreams.rpc import InvalidAnswer, encode_notification, encode_request

_POST_SECONDS: Final = 60.0


@final
class OldOpener:
    """on_end: called when the stream of a session has ended. lease: to what is posted with, each time."""

    __slots__ = ("_background", "_client", "_endpoint", "_lease", "_on_end", "_owner")

    def __init__(
        self,
        endpoint: Endpoint,
        client: Client,
        background: Background,
        owner: Owner,
        on_end: Callable[[], None],
        lease: Lease,
    ) -> None:
        self._endpoint = endpoint
        self._client = client
        self._background = background
        self._owner = owner
        self._on_end = on_end
        self._lease = lease

    async def open(self, credential: Credential, deadline: float) -> Session:
        """Raises:
        Fault: as `Transport.request`; nothing of the caller's request was sent.
        InvalidAnswer: it is no such server either.
        """
        head = Secret(build_head(self._endpoint, credential, version=None, session=None))
        channel = Channel(self._owner.note_change, self._owner.note_update)
        listening = self._background.start(channel.listen(self._client, head))
        opened = False
        try:
            await asyncio.wait({channel.address}, timeout=ENDPOINT_SECONDS_MAX)
            if not channel.address.done() or channel.address.cancelled():
                raise InvalidAnswer("it names no address to post to")
            endpoint = same_place(self._endpoint, channel.address.result())
            session = await self._initialize(channel, endpoint, credential, deadline)
            opened = True
            return session
        finally:
            if opened:
                channel.opened = True
                channel.on_end = self._on_end
            else:
                listening.cancel()

    async def _initialize(
        self, channel: Channel, endpoint: Endpoint, credential: Credential, deadline: float
    ) -> Session:
        head = Secret(build_head(endpoint, credential, version=None, session=None))

        async def post(message: bytes) -> Response:
            current = await self._lease()  # the stream may be older than what is current
            now = build_head(endpoint, current, version=None, session=None)
            data = add_body(now, message)
            by = asyncio.get_running_loop().time() + _POST_SECONDS
            receiver = Receiver(0, self._owner, None)
            return await self._client.send(
                data, by, receiver, repeatable=False, sent=channel.opened
            )

        channel.connect(post)
        request = encode_request(0, "initialize", INITIALIZE_PARAMS)
        opening = judge_initialization(await channel.ask(0, request, deadline, None))
        await post(encode_notification("notifications/initialized"))
        return Session(credential, opening, modern=False, head=head, channel=channel)
