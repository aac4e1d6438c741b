"""Tells a program of the operator's of each question: signed, at least once, and not for ever.

The answer comes by the admin API; nothing that the webhook answers is a yes.
"""

import hmac
import http.client
import logging
import ssl
from collections.abc import Callable
from hashlib import sha256
from typing import Final, final
from urllib.parse import SplitResult, urlsplit

from yett.authorization.approval.request import Request, described, event_of
from yett.authorization.approval.rows import answers_to, find, time_of
from yett.core.clock import Clock
from yett.core.document import encode
from yett.core.secret import Secret
from yett.storage import outbox
from yett.storage.port import Database

log: Final = logging.getLogger("yett")

TELLS_MAX: Final = 8
FIRST_PAUSE_SECONDS: Final = 5.0
_SECONDS_MAX: Final = 5.0
_BATCH: Final = 20
_ANSWER_BYTES_MAX: Final = 4_096
_DUE: Final = f"where tell_at <= ? and state = 'pending' order by tell_at limit {_BATCH}"
_SUCCESS: Final = range(200, 300)


@final
class Webhook:
    """Used in one thread at a time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def tell(self, url: str, secret: Callable[[], Secret]) -> None:
        """Tell of what is due. secret: what the messages are signed with, read when there is one to sign.

        Raises:
            Fault: the database could not be used, or the secret is not there.
        """
        due = find(self._database, _DUE, (time_of(self._database, self._clock),))
        if not due:
            return
        key = secret()
        for request in due:
            try:
                status = post(urlsplit(url), self._message(request), key, self._clock.wall())
                problem = "" if status in _SUCCESS else f"answered {status}"
            except (OSError, http.client.HTTPException) as error:
                problem = type(error).__name__
            self._note(request, problem)

    def _message(self, request: Request) -> bytes:
        answers = answers_to(self._database, request.id)
        shown = described(request, answers, time_of(self._database, self._clock))
        return encode({"type": "approval.requested", "approval": shown})

    def _note(self, request: Request, problem: str) -> None:
        with self._database.transaction() as transaction:
            now, tells = time_of(transaction, self._clock), request.tells + 1
            again: float | None = None
            if problem:
                log.warning("webhook of approvals: %s: %s", request.id, problem)
                again = now + FIRST_PAUSE_SECONDS * 2**request.tells
                if tells >= TELLS_MAX:
                    again = None
                    event = event_of("approval.untold", request, "gate", alert="high", why=problem)
                    outbox.post(transaction, event, now)
            transaction.execute(
                "update approvals set tells = ?, tell_at = ? where id = ? and state = 'pending'",
                (tells, again, request.id),
            )


def signature(key: Secret, timestamp: int, body: bytes) -> str:
    """Return what `Yett-Signature` says: HMAC-SHA-256 over the timestamp, a full stop and the body."""
    signed = b"%d." % timestamp + body
    return f"v1={hmac.new(key.reveal(), signed, sha256).hexdigest()}"


def post(url: SplitResult, body: bytes, key: Secret, now: float) -> int:
    """Send one message; return the status of the answer. No redirection is followed.

    Raises:
        OSError: it could not be sent, or there was no answer in time.
        http.client.HTTPException: what answers does not speak HTTP.
    """
    timestamp = int(now)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "yett",
        "Yett-Timestamp": str(timestamp),
        "Yett-Signature": signature(key, timestamp, body),
    }
    connection = _connection(url)
    try:
        connection.request(
            "POST", f"{url.path or '/'}{'?' * bool(url.query)}{url.query}", body, headers
        )
        answer = connection.getresponse()
        answer.read(_ANSWER_BYTES_MAX)
        return answer.status
    finally:
        connection.close()


def _connection(url: SplitResult) -> http.client.HTTPConnection:
    host = url.hostname or ""
    if url.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, url.port, timeout=_SECONDS_MAX, context=context)
    return http.client.HTTPConnection(host, url.port, timeout=_SECONDS_MAX)
