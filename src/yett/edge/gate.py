"""What the edge needs of the rest: one road in, and whether a caller is still welcome."""

from collections.abc import Coroutine
from typing import Literal, Protocol, final

import msgspec

from yett.core.call import Call, Reply
from yett.core.errors import Denied
from yett.core.secret import Secret


@final
class Kept(msgspec.Struct, frozen=True):
    """What was answered to a call that is not made again."""

    status: int
    content_type: bytes
    body: bytes


@final
class Begun(msgspec.Struct, frozen=True):
    """What is to be done with a call that has a name of the caller's own. new: make it. kept: it was made.
    busy: it began, and has no answer. lost: its answer is not kept. other: the name is another call's.
    full: no more of them are kept. away: nobody can say. stranger: the credential is not good. principal, name,
    digest: of one that is new."""

    state: Literal["new", "kept", "busy", "lost", "other", "full", "away", "stranger"]
    principal: str = ""
    name: bytes = b""
    digest: bytes = b""
    kept: Kept | None = None


class Gate(Protocol):
    def handle(self, call: Call, refused: Denied | None = None) -> Coroutine[None, None, Reply]:
        """Answer one request by the pipeline of this moment. Raises only when cancelled."""
        ...

    def knows(self, credential: Secret | None) -> bool:
        """Whether it is worth parsing a large body that came with this credential. Decides nothing:
        the pipeline identifies the caller all the same."""
        ...

    def is_live(self, principal_id: str) -> bool:
        """Whether the credential of a stream's owner still holds; asked once a second."""
        ...

    def release(self, server: str, uri: str) -> None:
        """Undo one `resources/subscribe` of this resource; `uri` is the server's own."""
        ...

    def is_ready(self) -> bool:
        """Whether a call would be served; `/readyz`."""
        ...

    async def begin_once(self, credential: Secret | None, name: bytes, asked: bytes) -> Begun:
        """Say whether a call was made before. name: of the caller's own; asked: all that it consists of."""
        ...

    async def end_once(
        self, begun: Begun, credential: Secret | None, name: bytes, kept: Kept | None
    ) -> None:
        """Keep how a call that was `new` was answered; None: it was not made."""
        ...
