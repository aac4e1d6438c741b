"""The admin listener's connections: few, and none of them waited for long (CWE-400, CWE-770)."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, final

from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS_MAX: Final = 64
REQUEST_SECONDS_MAX: Final = 5.0
HEADER_BYTES_MAX: Final = 16 * 1024


@final
class BoundedProtocol(H11Protocol):
    """uvicorn's, with a time by which a request must be whole, and with a place to be had by asking:
    whoever has kept the gate waiting for longest gives it up. patience: None while a request is served."""

    patience: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, note_unread: Callable[[str], None], **more: Any) -> None:
        """note_unread: is told the address that bytes came from which are no request."""
        super().__init__(*arguments, **more)
        self._note_unread = note_unread

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            self._make_room()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        is_serving = not getattr(self.cycle, "response_complete", True)  # at first there is none
        if is_serving and not self.cycle.more_body:
            self._wait_no_more()

    def send_400_response(self, msg: str) -> None:
        self._note_unread(self.client[0] if self.client else "")
        super().send_400_response(msg)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait()

    def _wait(self) -> None:
        self._wait_no_more()
        self.patience = self.loop.call_later(REQUEST_SECONDS_MAX, self.transport.abort)

    def _wait_no_more(self) -> None:
        if self.patience is not None:
            self.patience.cancel()
            self.patience = None

    def _make_room(self) -> None:
        waiting = [
            (item.patience.when(), item)
            for item in self.connections
            if isinstance(item, BoundedProtocol) and item.patience is not None
        ]
        loser = min(waiting, key=lambda pair: pair[0])[1] if waiting else self
        self.connections.discard(loser)
        loser.transport.abort()
