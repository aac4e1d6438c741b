"""Server-sent events (WHATWG HTML, 9.2.6 Interpreting an event stream): bytes in, data out. Pure.

Linear in what is fed, however it is cut into pieces. The caller bounds the total.
"""

from typing import Final, final

_BOM: Final = b"\xef\xbb\xbf"
_MESSAGE: Final = (b"", b"message")


@final
class EventParser:
    """Keeps what `message` events need. Other types, ids, comments and `retry` are passed over."""

    __slots__ = ("_after_return", "_at_start", "_buffer", "_data", "_type")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._data: list[bytes] = []
        self._type = b""
        self._at_start = True
        self._after_return = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of each `message` event that ended in this chunk; never empty data."""
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
        events: list[bytes] = []
        for line in lines:
            if line:
                self._take_field(line)
            else:
                self._end_event(events)
        return events

    def _take_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
        elif name == b"event":
            self._type = value.removeprefix(b" ")

    def _end_event(self, events: list[bytes]) -> None:
        data, self._data = self._data, []
        kind, self._type = self._type, b""
        if data and kind in _MESSAGE:
            text = data[0] if len(data) == 1 else b"\n".join(data)
            if text:  # 2025-11-25 primes a stream with an empty one
                events.append(text)
