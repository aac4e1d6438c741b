"""One POST over HTTP/1.1, and the signature by which its receiver knows who sent it.

No redirection is followed, no proxy of the environment is asked, and of the answer only the status counts.
"""

import hmac
from hashlib import sha256
from typing import Final, final
from urllib.parse import SplitResult

import msgspec

from yett.core.secret import Secret
from yett.delivery.connection import SECONDS_MAX, Undelivered, client_context, connected

_ANSWER_BYTES_MAX: Final = 4_096
_SUCCESS: Final = range(200, 300)


def signature(key: Secret, timestamp: int, body: bytes) -> str:
    """Return what `Yett-Signature` says: HMAC-SHA-256 over the timestamp, a full stop and the body."""
    signed = b"%d." % timestamp + body
    return f"v1={hmac.new(key.reveal(), signed, sha256).hexdigest()}"


def signed_headers(key: Secret, now: float, body: bytes) -> dict[str, str]:
    """now: wall clock, seconds since 1970; a receiver refuses what is older than it likes (replays)."""
    timestamp = int(now)
    return {
        "Yett-Timestamp": str(timestamp),
        "Yett-Signature": signature(key, timestamp, body),
    }


@final
class Answer(msgspec.Struct, frozen=True):
    """kind: its content type, without parameters, in lower case. body: as much as was read of it."""

    status: int
    kind: str
    body: bytes


def exchange(
    url: SplitResult, body: bytes, headers: dict[str, str], *, ca: str | None = None
) -> Answer:
    """Send one document and return what comes back, whatever its status. ca: PEM file of the only
    authorities to trust; None: the system's.

    Raises:
        Undelivered: it could not be sent, or nothing that is HTTP came back.
    """
    import http.client  # noqa: PLC0415 - slow to import, and most gates send nothing

    is_https = url.scheme == "https"
    tls = client_context(ca) if is_https else None
    host, port = url.hostname or "", url.port or (443 if is_https else 80)
    # Only its words are used: the connection is ours, with an end.
    client = (http.client.HTTPSConnection if is_https else http.client.HTTPConnection)(host, port)
    path = f"{url.path or '/'}{'?' * bool(url.query)}{url.query}"
    fields = {"User-Agent": "yett", "Connection": "close"}
    with connected(host, port, tls=tls, seconds=SECONDS_MAX) as client.sock:
        try:
            client.request("POST", path, body, fields | headers)
            answer = client.getresponse()
            kind = answer.headers.get_content_type()
            return Answer(answer.status, kind, answer.read(_ANSWER_BYTES_MAX))
        except http.client.HTTPException as error:
            raise Undelivered("what answers does not speak HTTP") from error


def post(
    url: SplitResult, body: bytes, headers: dict[str, str] | None = None, *, ca: str | None = None
) -> None:
    """Send one JSON document. ca: as for `exchange`.

    Raises:
        Undelivered: it could not be sent, or the answer did not say that it was taken.
    """
    answer = exchange(url, body, {"Content-Type": "application/json"} | (headers or {}), ca=ca)
    if answer.status not in _SUCCESS:
        raise Undelivered(f"answered {answer.status}")
