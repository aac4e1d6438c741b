"""What the edge needs of the rest: one road in, and whether a caller is still welcome."""

from collections.abc import Coroutine
from typing import Protocol

from yett.core.call import Call, Reply
from yett.core.errors import Denied


class Gate(Protocol):
    def handle(self, call: Call, refused: Denied | None = None) -> Coroutine[None, None, Reply]:
        """Answer one request by the pipeline of this moment. Raises only when cancelled."""
        ...

    def is_live(self, principal_id: str) -> bool:
        """Whether the credential of a stream's owner still holds; asked once a second."""
        ...

    def is_ready(self) -> bool:
        """Whether a call would be served; `/readyz`."""
        ...
