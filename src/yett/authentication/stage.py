"""Stage 1: turn a credential into a principal, or into one and the same no.

Nothing here touches the store: the keys lie in a dictionary that `refresh` replaces as a whole. A
look-up has one shape whether the id exists or not (one dictionary hit, one keyed hash, two
comparisons in constant time), so its duration tells nothing (CWE-208). Only what was good is not
hashed again while the same header comes and no key has changed.
"""

import secrets
from hmac import compare_digest
from typing import Final, final

import msgspec

from yett.authentication.digest import KeyedHash
from yett.authentication.keys import CREDENTIAL_BYTES_MAX, ID_END, ID_START, parse_key
from yett.authentication.port import KeyStore, StoredKey
from yett.core.call import Call
from yett.core.clock import Clock, iso_time, iso_time_or_none
from yett.core.errors import Denied, Fault
from yett.core.identity import Principal
from yett.core.proofs import Identified
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.core.target import JSON

UNREAD_SECONDS_MAX: Final = 5.0
"""Promise 11: a revocation takes effect in at most five seconds, or nobody gets in."""
_KEEP_TIME_SECONDS: Final = 60.0
_NEVER: Final = float("-inf")
_ALWAYS: Final = float("inf")


@final
class _Entry(msgspec.Struct, frozen=True):
    """One key, ready for comparing. barred: why it is refused whatever the secret; empty if it is not."""

    principal: Principal
    digest: bytes
    previous_digest: bytes
    previous_until: float
    expires_at: float
    barred: str


@final
class _Comparison(msgspec.Struct, frozen=True, eq=False):
    """How a credential compared with the keys of one reading of the store. is_current, is_previous:
    it hashes to the entry's digest, or to the one before a rotation. holds_until: wall clock; until then it is good
    as long as no key changes; of one that is not current or is barred, always past."""

    reading: object
    entry: _Entry
    is_current: bool
    is_previous: bool
    holds_until: float


# Nothing hashes to these: they are drawn anew in each process and shown to nobody.
_NO_DIGEST: Final = secrets.token_bytes(32)
_NOBODY: Final = _Entry(
    Principal(id="", name=""), _NO_DIGEST, _NO_DIGEST, _NEVER, _NEVER, "no such key"
)


@final
class Authenticator:
    """`identify` belongs to the loop, `refresh` to a thread that calls it once a second."""

    def __init__(
        self, store: KeyStore, pepper: Secret, *, clock: Clock, environments: frozenset[str]
    ) -> None:
        self._store = store
        self._hash = KeyedHash(pepper)
        self._clock = clock
        self._monotonic = clock.monotonic
        self._wall = clock.wall
        self._environments = environments
        self._entries: dict[bytes, _Entry] = {}
        self._reading = object()
        self._version: int | None = None
        self._unread_at = _NEVER
        self._newest_wall = 0.0
        self._kept_wall = 0.0

    @property
    def is_current(self) -> bool:
        """Whether revocations were learnt lately enough for anybody to get in."""
        return self._monotonic() <= self._unread_at

    def identify(self, call: Call) -> Identified:
        """Say who calls. Plain: there is nothing to wait for.

        Raises:
            Denied: UNAUTHENTICATED, in one public form whatever is wrong; UNKNOWN_SESSION if the
                session is somebody else's.
            Fault: revocations could not be learnt for too long.
        """
        credential = call.credential
        known: _Comparison | None = None if credential is None else credential.note
        if known is not None and known.reading is self._reading:
            monotonic, wall, until = self._monotonic, self._wall, known.holds_until
            # Nearly every call passes here; of what does not, `recognise` says why.
            if monotonic() <= self._unread_at and wall() < until and self._newest_wall < until:
                principal = known.entry.principal
                if call.owner is None or call.owner == principal.id:
                    return Identified(call, principal)
        principal = self.recognise(credential)
        if call.owner is not None and call.owner != principal.id:
            raise Denied(Reason.UNKNOWN_SESSION, f"the session is not of key `{principal.id}`")
        return Identified(call, principal)

    def recognise(self, credential: Secret | None) -> Principal:
        """Say whose credential this is. What it permits is another question.

        Raises:
            Denied: UNAUTHENTICATED.
            Fault: revocations could not be learnt for too long.
        """
        if not self.is_current:
            raise Fault(Reason.INTERNAL_ERROR, "the keys could not be read for too long")
        if credential is None:
            raise Denied(Reason.UNAUTHENTICATED, "no credential")
        known: _Comparison | None = credential.note
        if known is None or known.reading is not self._reading:
            known = self._compare(credential)
        entry = known.entry
        now = self._now()
        if not (known.is_current or (known.is_previous and now < entry.previous_until)):
            why = _explain(credential.reveal(), entry, previous=known.is_previous)
            raise Denied(Reason.UNAUTHENTICATED, why)
        if entry.barred or now >= entry.expires_at:
            why = entry.barred or "expired"
            raise Denied(Reason.UNAUTHENTICATED, f"key `{entry.principal.id}`: {why}")
        return entry.principal

    def _compare(self, credential: Secret) -> _Comparison:
        """Compare a credential with the keys. A good one keeps a note of it, so that the next request
        with the same header need not be hashed; the note ends with the header, and when a key changes."""
        raw = credential.reveal()
        if len(raw) > CREDENTIAL_BYTES_MAX:
            raise Denied(Reason.UNAUTHENTICATED, "the credential is too long to be a key")
        reading = self._reading  # before the entries: at worst the note is too old at once
        entry = self._entries.get(raw[ID_START:ID_END], _NOBODY)
        digest = self._hash.digest(raw)
        current = compare_digest(digest, entry.digest)
        previous = compare_digest(digest, entry.previous_digest)
        until = entry.expires_at if current and not entry.barred else _NEVER
        comparison = _Comparison(reading, entry, current, previous, until)
        if current:
            credential.note = comparison
        return comparison

    def is_live(self, principal_id: str) -> bool:
        """Say whether an open stream of this principal may go on."""
        if not self.is_current:
            return False
        entry = self._entries.get(principal_id.encode(), _NOBODY)
        return not entry.barred and self._now() < entry.expires_at

    def describe(self, identified: Identified) -> dict[str, JSON]:
        """What a caller may know of its own key. Times are ISO 8601."""
        principal = identified.principal
        return {
            "id": principal.id,
            "name": principal.name,
            "roles": list(principal.roles),
            "tenant": principal.tenant,
            "environment": principal.environment,
            "created_at": iso_time(principal.created_at),
            "expires_at": iso_time_or_none(principal.expires_at),
        }

    def refresh(self) -> bool:
        """Learn what changed; return whether what a known key may do did. Nobody has been told anything
        under a new one, and who holds another need not learn of it.

        Raises:
            Fault: the store could not be used. What was read last holds for five seconds more.
        """
        state = self._store.state()
        changed = False
        if state.version != self._version:
            loaded, before = self._store.load(), self._entries
            self._entries = {key.id.encode(): self._enter(key) for key in loaded.values()}
            changed = any(_differ(entry, self._entries.get(key)) for key, entry in before.items())
            self._reading = object()
            self._version = state.version
        # Only an operator puts the kept time back, after a clock that had run ahead.
        went_back = state.newest_time < self._kept_wall
        self._newest_wall = max(state.newest_time, 0.0 if went_back else self._newest_wall)
        self._kept_wall = state.newest_time
        self._unread_at = self._monotonic() + UNREAD_SECONDS_MAX
        now = self._now()
        if now - self._kept_wall >= _KEEP_TIME_SECONDS:
            self._store.keep_time(now)
            self._kept_wall = now
        return changed

    def _now(self) -> float:
        """The newest wall-clock time ever seen: setting the clock back revives no expired key."""
        self._newest_wall = max(self._newest_wall, self._wall())
        return self._newest_wall

    def _enter(self, key: StoredKey) -> _Entry:
        barred = ""
        if key.revoked_at is not None:
            barred = "revoked"
        elif key.environment not in self._environments:
            barred = f"a key of the environment `{key.environment}` is not accepted here"
        return _Entry(
            key.principal,
            key.digest,
            key.previous_digest or _NO_DIGEST,
            _NEVER if key.previous_until is None else key.previous_until,
            _ALWAYS if key.expires_at is None else key.expires_at,
            barred,
        )


def _differ(before: _Entry, after: _Entry | None) -> bool:
    """Tell whether a key may do other things than before; what it is proved by does not matter."""
    if after is None or before.barred != after.barred:
        return True
    old, new = before.principal, after.principal
    return (old.roles, old.tenant, old.environment) != (new.roles, new.tenant, new.environment)


def _explain(raw: bytes, entry: _Entry, *, previous: bool) -> str:
    """For the record only. Quotes nothing but a well-formed key's public id."""
    parsed = parse_key(raw)
    if parsed is None:
        return "the credential is not a key, or was mistyped"
    if entry is _NOBODY:
        return f"no key has the id `{parsed.id}`"
    if previous:
        return f"key `{parsed.id}`: this secret was rotated away"
    return f"key `{parsed.id}`: the secret is wrong"
