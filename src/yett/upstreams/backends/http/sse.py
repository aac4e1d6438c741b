"""Server-sent events (WHATWG HTML, 9.2.6 Interpreting an event stream): bytes in, data out. Pure.

Linear in what is fed, however it is cut into pieces. The caller bounds the total, or what is kept.
"""

from collections.abc import Callable
from typing import Final, final

_DATA: Final = b"data: "
_DATA_BYTES: Final = len(_DATA)
_BOM: Final = b"\xef\xbb\xbf"
_MESSAGE: Final = (b"", b"message")
_ENDPOINT: Final = b"endpoint"
_RETRY_DIGITS_MAX: Final = 9
# How servers write events without an id: what stands before and behind the data of each.
_PLAIN: Final = (
    (b"event: message\r\ndata: ", b"\r\n\r\n"),
    (b"event: message\ndata: ", b"\n\n"),
    (b"data: ", b"\r\n\r\n"),
    (b"data: ", b"\n\n"),
)


@final
class EventParser:
    """Keeps what `message` events need. Other types and comments are passed over.

    last_id: of the last event that ended; empty: none. retry_seconds: how long the server wants us to
    wait before we connect again; None: it did not say. on_endpoint: told the data of events of that
    type (MCP 2024-11-05, HTTP with SSE). kept_bytes: of an event that has not ended.
    """

    __slots__ = (
        "_after_return",
        "_at_start",
        "_buffer",
        "_data",
        "_data_bytes",
        "_id",
        "_type",
        "last_id",
        "on_endpoint",
        "retry_seconds",
    )

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._id = b""
        self._type = b""
        self._at_start = True
        self._after_return = False
        self.last_id = b""
        self.retry_seconds: float | None = None
        self.on_endpoint: Callable[[bytes], None] | None = None

    @property
    def kept_bytes(self) -> int:
        return len(self._buffer) + self._data_bytes

    def go_on_from(self, before: "EventParser | None") -> None:
        """Continue the stream that another connection began, if one did."""
        if before is None:
            return
        self._id = self.last_id = before.last_id
        self.retry_seconds = before.retry_seconds

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of each `message` event that ended in this chunk; never empty data."""
        events = [] if self._is_inside() else _plain_events(chunk)
        if events:
            self._at_start = self._after_return = False
            return events
        if self._after_return and chunk:
            self._after_return = False
            if chunk.startswith(b"\n"):  # the second half of a line end that was cut in two
                chunk = chunk[1:]
        buffer = self._buffer
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        if not end:
            buffer += chunk
            return []
        self._after_return = end == len(chunk) and chunk.endswith(b"\r")
        lines = bytes(buffer + chunk[:end]).splitlines()
        buffer[:] = chunk[end:]
        if self._at_start:
            self._at_start = False
            lines[0] = lines[0].removeprefix(_BOM)
        for line in lines:
            if line.startswith(_DATA):
                self._data.append(line[_DATA_BYTES:])
                self._data_bytes += len(line) - _DATA_BYTES + 1
            elif line:
                self._take_field(line)
            elif self._data or self._type or self._id != self.last_id:
                self._end_event(events)
        return events

    def _is_inside(self) -> bool:
        """Tell whether an event has begun and not ended."""
        return bool(self._buffer or self._data or self._type) or self._id != self.last_id

    def _take_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            value = value.removeprefix(b" ")
            self._data.append(value)
            self._data_bytes += len(value) + 1
        elif name == b"event":
            self._type = value.removeprefix(b" ")
        elif name == b"id":
            value = value.removeprefix(b" ")
            self._id = self._id if b"\0" in value else value
        elif name == b"retry":
            value = value.removeprefix(b" ")
            if value.isdigit() and len(value) <= _RETRY_DIGITS_MAX:
                self.retry_seconds = int(value) / 1000

    def _end_event(self, events: list[bytes]) -> None:
        data, self._data, self._data_bytes = self._data, [], 0
        kind, self._type = self._type, b""
        self.last_id = self._id
        if not data or (kind not in _MESSAGE and kind != _ENDPOINT):
            return
        text = data[0] if len(data) == 1 else b"\n".join(data)
        if kind == _ENDPOINT:
            if self.on_endpoint is not None:
                self.on_endpoint(text)
        elif text:  # 2025-11-25 primes a stream with an empty one
            events.append(text)


def _plain_events(chunk: bytes) -> list[bytes]:
    """Return the data of whole events of one line each; nothing if the chunk holds anything else."""
    for before, behind in _PLAIN:
        if chunk.startswith(before) and chunk.endswith(behind):
            events = chunk[len(before) : -len(behind)].split(behind + before)
            said = b"".join(events)
            if said.find(b"\n") < 0 and said.find(b"\r") < 0 and b"" not in events:
                return events
    return []
