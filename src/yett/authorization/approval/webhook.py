"""Tells a program of the operator's of each question: signed, at least once, and not for ever.

The answer comes by the admin API; nothing that the webhook answers is a yes.
"""

import logging
from collections.abc import Callable
from typing import Final, final
from urllib.parse import urlsplit

from yett.authorization.approval.request import Request, described, event_of
from yett.authorization.approval.rows import answers_to, find, time_of
from yett.core.clock import Clock
from yett.core.document import encode
from yett.core.secret import Secret
from yett.delivery import Undelivered
from yett.delivery.http import post, signed_headers
from yett.delivery.pauses import pause
from yett.storage import outbox
from yett.storage.port import Database

log: Final = logging.getLogger("yett")

TELLS_MAX: Final = 8
FIRST_PAUSE_SECONDS: Final = 5.0
_PAUSE_SECONDS_MAX: Final = 3600.0
_BATCH: Final = 20
_DUE: Final = f"where tell_at <= ? and state = 'pending' order by tell_at limit {_BATCH}"


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
            message, problem = self._message(request), ""
            try:
                post(urlsplit(url), message, signed_headers(key, self._clock.wall(), message))
            except Undelivered as trouble:
                problem = str(trouble)
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
                again = now + pause(tells, first=FIRST_PAUSE_SECONDS, most=_PAUSE_SECONDS_MAX)
                if tells >= TELLS_MAX:
                    again = None
                    event = event_of("approval.untold", request, "gate", alert="high", why=problem)
                    outbox.post(transaction, event, now)
            transaction.execute(
                "update approvals set tells = ?, tell_at = ? where id = ? and state = 'pending'",
                (tells, again, request.id),
            )
