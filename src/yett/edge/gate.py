"""What the edge needs of the rest: one road in, and whether a caller is still welcome."""

from collections.abc import Coroutine
from typing import Protocol

from yett.core.call import Call, Reply
from yett.core.errors import Denied
from yett.core.secret import Secret


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
