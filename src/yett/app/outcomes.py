"""What was answered to calls that came with an `Idempotency-Key`: kept for a day, whatever becomes of the gate.

An answer is sealed with a key that is made of the caller's own credential and is kept nowhere, so it opens
for nobody else and not in a stolen database. That a call began is written down before it is made: of one whose
answer was lost nobody knows whether it was made, so it is not made again.
"""

import asyncio
import hashlib
import hmac
import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from yett.core.clock import Clock
from yett.core.secret import Secret
from yett.edge.gate import Begun, Kept
from yett.limits.steady import SteadyWall
from yett.storage.port import Database, Transaction

KEPT_SECONDS: Final = 86_400.0
KEPT_PER_CALLER_MAX: Final = 1_000
BODY_BYTES_MAX: Final = 256 * 1024
KEPT_BYTES_PER_CALLER_MAX: Final = 16 * 1024 * 1024
"""Answers beyond are not kept; their calls are not made again all the same."""
_NONCE_BYTES: Final = 12
_SEAL_BYTES: Final = _NONCE_BYTES + 16  # and the tag


@final
class Outcomes:
    """Works in a thread of its own: however many calls come with a key, those that learn of revoked keys
    never wait for them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        # A clock that jumps ahead must not let a call be made twice.
        self._wall = SteadyWall(clock)
        self._thread = ThreadPoolExecutor(1, "outcomes")

    async def begin(self, principal: str, credential: Secret, name: bytes, asked: bytes) -> Begun:
        """Say what is to be done with a call. name: what the caller calls it. asked: server, tool and
        arguments.

        Raises:
            Fault: the database could not be used.
        """
        beginning = self._thread.submit(self._begin, principal, credential, name, asked)
        try:
            return await asyncio.wrap_future(beginning)
        except asyncio.CancelledError:
            self._thread.submit(self._let_go, beginning)
            raise

    async def end(self, begun: Begun, credential: Secret, name: bytes, kept: Kept | None) -> None:
        """Keep the answer of a call that was `new`; None: it was not made, and may be. That is done once, whoever hangs
        up meanwhile: later the name may be another call's.

        Raises:
            Fault: the database could not be used; the call counts as one whose answer was lost.
        """
        ending = self._thread.submit(self._end, begun, credential, name, kept)
        await asyncio.shield(asyncio.wrap_future(ending))

    def close(self) -> None:
        """Wait until what began is written down. Later calls are turned away."""
        self._thread.shutdown()

    def _begin(self, principal: str, credential: Secret, name: bytes, asked: bytes) -> Begun:
        secret = credential.reveal_text().encode()
        hashed = hmac.digest(secret, b"yett outcome name 1\0" + name, "sha256")
        digest = hashlib.sha256(asked).digest()
        at = self._wall()
        with self._database.transaction() as transaction:
            transaction.execute("delete from outcomes where began_at < ?", (at - KEPT_SECONDS,))
            [(count,)] = transaction.fetch(
                "select count(*) from outcomes where principal = ?", (principal,)
            )
            if not isinstance(count, int) or count < KEPT_PER_CALLER_MAX:
                began = transaction.execute(
                    "insert into outcomes (principal, name, digest, began_at) values (?, ?, ?, ?)"
                    " on conflict do nothing",
                    (principal, hashed, digest, at),
                )
                if began:
                    return Begun("new", principal, hashed, digest)
            rows = transaction.fetch(
                "select digest, status, content_type, body from outcomes"
                " where principal = ? and name = ?",
                (principal, hashed),
            )
        if not rows:
            return Begun("full")
        kept_digest, status, content_type, body = rows[0]
        if kept_digest != digest:
            return Begun("other")
        if status is None:
            return Begun("busy")
        opened = _open(secret, name, hashed + digest, body)
        if opened is None or not isinstance(content_type, bytes):
            return Begun("lost")
        return Begun("kept", kept=Kept(int(status), content_type, opened))

    def _let_go(self, beginning: Future[Begun]) -> None:
        """Nobody waits for what is to be done any more. beginning: done, for it came before."""
        if not beginning.cancelled() and beginning.exception() is None:
            begun = beginning.result()
            if begun.state == "new":
                self._forget(begun)

    def _forget(self, begun: Begun) -> None:
        with self._database.transaction() as transaction:
            transaction.execute(
                "delete from outcomes where principal = ? and name = ?",
                (begun.principal, begun.name),
            )

    def _end(self, begun: Begun, credential: Secret, name: bytes, kept: Kept | None) -> None:
        if kept is None:
            self._forget(begun)
            return
        with self._database.transaction() as transaction:
            sealed = None
            if len(kept.body) <= BODY_BYTES_MAX - _SEAL_BYTES and _has_room(transaction, begun):
                secret = credential.reveal_text().encode()
                sealed = _seal(secret, name, begun.name + begun.digest, kept.body)
            transaction.execute(
                "update outcomes set status = ?, content_type = ?, body = ?"
                " where principal = ? and name = ?",
                (kept.status, kept.content_type, sealed, begun.principal, begun.name),
            )


def _has_room(transaction: Transaction, begun: Begun) -> bool:
    """Tell whether one more answer of any size may be kept for the caller."""
    [(kept,)] = transaction.fetch(
        "select coalesce(sum(length(body)), 0) from outcomes where principal = ?",
        (begun.principal,),
    )
    return int(kept or 0) <= KEPT_BYTES_PER_CALLER_MAX - BODY_BYTES_MAX


def _cipher(secret: bytes, name: bytes) -> AESGCM:
    return AESGCM(hmac.digest(secret, b"yett outcome 1\0" + name, "sha256"))


def _seal(secret: bytes, name: bytes, bound: bytes, body: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + _cipher(secret, name).encrypt(nonce, body, bound)


def _open(secret: bytes, name: bytes, bound: bytes, sealed: object) -> bytes | None:
    """None: it was too large to keep, or was changed."""
    if not isinstance(sealed, bytes):
        return None
    try:
        cipher = _cipher(secret, name)
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
    except InvalidTag:
        return None
