"""A program that takes JSON lines by POST; what it answers with 2xx, it has."""

from collections.abc import Callable, Sequence
from typing import Final, final
from urllib.parse import SplitResult

from yett.core.secret import Secret
from yett.delivery.http import post, signed_headers

_TYPE: Final = {"Content-Type": "application/x-ndjson"}


@final
class HttpsSink:
    """secret: what the portions are signed with, as the messages of alerts are; read for each."""

    def __init__(
        self,
        url: SplitResult,
        ca: str | None,
        secret: Callable[[], Secret] | None,
        wall: Callable[[], float],
    ) -> None:
        self._url = url
        self._ca = ca
        self._secret = secret
        self._wall = wall

    def send(self, documents: Sequence[bytes]) -> None:
        body = b"".join(document + b"\n" for document in documents)
        headers = dict(_TYPE)
        if self._secret is not None:
            headers |= signed_headers(self._secret(), self._wall(), body)
        post(self._url, body, headers, ca=self._ca)

    def close(self) -> None:
        """Nothing is open between two portions."""
