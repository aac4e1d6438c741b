"""What a destination of records must do. tests/contracts/test_record_sink.py runs against each."""

from collections.abc import Sequence
from typing import Protocol


class Sink(Protocol):
    def send(self, documents: Sequence[bytes]) -> None:
        """Hand over JSON documents without line breaks, in their order; return when all were taken. Blocking.

        Raises:
            Undelivered: not all were; none of them counts, and all are sent again.
        """
        ...

    def close(self) -> None: ...
