"""Records as JSON members: bytes put together from parts that are encoded once. Pure.

What is constant for a caller, a target, a policy decision or a kind of request is encoded at first
use and looked up after that; only the input, the digests and the numbers are new in each line.
"""

import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final, final

import orjson

from yett.audit.chain import escape_hidden
from yett.core.call import Call
from yett.core.document import encode as encode_document
from yett.core.identity import Principal
from yett.core.proofs import Cleaned, Permitted
from yett.core.target import JSON, Target

TEXT_CHARS_MAX: Final = 256
PRIVATE_CHARS_MAX: Final = 500
INPUT_BYTES_MAX: Final = 16_384
STRANGER_INPUT_BYTES_MAX: Final = 1_024
"""Of a request without a good credential: nobody fills the disk for free."""
EVENT_BYTES_MAX: Final = 65_536
_CACHE_ENTRIES_MAX: Final = 4_096

Redact = Callable[[bytes], bytes]
RedactText = Callable[[str], str]
_Cache = dict[Any, bytes]


def quote(text: str, chars_max: int = TEXT_CHARS_MAX) -> bytes:
    """Return a JSON string of at most `chars_max` characters, `…` included; any text will do."""
    if len(text) > chars_max:
        text = text[: chars_max - 1] + "…"
    try:
        return orjson.dumps(text)
    except TypeError:  # a lone surrogate
        return orjson.dumps(text.encode("utf-8", "replace").decode())


def quote_or_null(text: str | None) -> bytes:
    return b"null" if text is None else quote(text)


@final
class Stamp:
    """Writes ISO 8601 in UTC with microseconds; the second is formatted once."""

    __slots__ = ("_second",)

    def __init__(self) -> None:
        self._second = (0, "1970-01-01T00:00:00")

    def __call__(self, wall: float) -> bytes:
        micros = round(wall * 1_000_000)
        second, rest = divmod(micros, 1_000_000)
        known = self._second
        if known[0] != second:
            known = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
            self._second = known  # one assignment, so that threads need no lock
        return b"%b.%06dZ" % (known[1].encode(), rest)


@final
class Encoder:
    """node: of this gate. redact: compact JSON → compact JSON without secrets; redact_text: the same
    for a sentence."""

    def __init__(self, *, node: str, redact: Redact, redact_text: RedactText) -> None:
        self.stamp: Final = Stamp()
        self._node = quote(node)
        self._redact = redact
        self._redact_text = redact_text
        self._origins: _Cache = {}
        self._callers: _Cache = {}
        self._targets: _Cache = {}
        self._decisions: _Cache = {}
        self._currencies: _Cache = {}

    def intent(self, at: float, permitted: Permitted, cost_micros: int, currency: str) -> bytes:
        call = permitted.call
        return (
            b'"at":"%b","kind":"intent",%b,%b,%b,%b,"cost_micros":%d,"currency":%b,"decision":"allowed"'
            % (
                self.stamp(at),
                self._request(call),
                self._caller(permitted.principal),
                self._target(permitted.target),
                self._input(call.arguments, INPUT_BYTES_MAX) + self._decision(permitted),
                cost_micros,
                self._currency(currency),
            )
        )

    def answered(
        self,
        at: float,
        call: Call,
        intent: int,
        cleaned: Cleaned,
        *,
        status: str,
        cost: int,
        latency: float,
    ) -> bytes:
        answered = cleaned.answered
        names = answered.armed.credential.names
        return (
            b'"at":"%b","kind":"outcome","id":%b,"intent":%d,"decision":"allowed","status":"%b",'
            b'"cost_micros":%d,"latency_ms":%.3f,"upstream_ms":%.3f,"bytes":%d,"output_digest":"%b",'
            b'"findings":%b,"secrets":%b'
            % (
                self.stamp(at),
                quote(call.id),
                intent,
                status.encode(),
                cost,
                latency * 1e3,
                answered.seconds * 1e3,
                len(cleaned.encoded),
                sha256(cleaned.encoded).hexdigest().encode(),
                orjson.dumps(cleaned.findings) if cleaned.findings else b"[]",
                orjson.dumps(names) if names else b"[]",
            )
        )

    def ended(self, at: float, call: Call, intent: int, ending: bytes, *, cost: int) -> bytes:
        """Write the outcome of a call that was allowed and yet has no answer."""
        return b'"at":"%b","kind":"outcome","id":%b,"intent":%d,"cost_micros":%d,%b' % (
            self.stamp(at),
            quote(call.id),
            intent,
            cost,
            ending,
        )

    def single(
        self,
        at: float,
        kind: bytes,
        call: Call,
        ending: bytes,
        *,
        principal: Principal | None,
        target: Target | None,
        permitted: Permitted | None,
        with_input: bool,
    ) -> bytes:
        """Write a decision that needs one line: a refusal, a listing, what concerns the caller."""
        parts = [self._request(call)]
        if principal is not None:
            parts.append(self._caller(principal))
        parts.append(self._asked(call) if target is None else self._target(target))
        if with_input and call.arguments:
            limit = STRANGER_INPUT_BYTES_MAX if principal is None else INPUT_BYTES_MAX
            parts.append(self._input(call.arguments, limit))
        if permitted is not None:
            parts.append(self._decision(permitted)[1:])
        return b'"at":"%b","kind":"%b",%b,%b' % (self.stamp(at), kind, b",".join(parts), ending)

    def refused(
        self, decision: str, reason: str, private: str, status: str, latency: float
    ) -> bytes:
        return b'"decision":"%b","reason":"%b","private":%b,"status":"%b","latency_ms":%.3f' % (
            decision.encode(),
            reason.encode(),
            quote(self._redact_text(private), PRIVATE_CHARS_MAX) if private else b"null",
            status.encode(),
            latency * 1e3,
        )

    def served(self, latency: float, *, count: int | None, version: str | None) -> bytes:
        """End a listing (`count` items under policy `version`) or an answer about the caller."""
        ending = b'"decision":"allowed","status":"ok","latency_ms":%.3f' % (latency * 1e3)
        if count is not None:
            ending += b',"count":%d,"policy_version":%b' % (count, quote_or_null(version))
        return ending

    def event(self, at: float, event: dict[str, JSON]) -> bytes:
        """Write something that happened beside the calls: its name, who did it, and the rest."""
        rest = {key: value for key, value in event.items() if key not in {"event", "actor"}}
        try:
            details = self._redact(encode_document(rest))
        except (TypeError, ValueError, RecursionError):
            details = b'{"unencodable":true}'
        if len(details) > EVENT_BYTES_MAX:
            details = b'{"truncated":true}'
        actor = event.get("actor")
        return b'"at":"%b","kind":"event","event":%b,"node":%b,"actor":%b,"details":%b' % (
            self.stamp(at),
            quote(str(event.get("event", "unnamed"))),
            self._node,
            quote_or_null(None if actor is None else str(actor)),
            details,
        )

    def _request(self, call: Call) -> bytes:
        key = (call.door, call.protocol, call.operation.method)
        origin = self._origins.get(key)
        if origin is None:
            origin = _keep(
                self._origins,
                key,
                b'"node":%b,"door":%b,"protocol":%b,"method":%b'
                % (
                    self._node,
                    quote(call.door),
                    quote(call.protocol),
                    quote(call.operation.method),
                ),
            )
        return b'"id":%b,%b,"peer":%b' % (quote(call.id), origin, quote(call.peer))

    def _caller(self, principal: Principal) -> bytes:
        key = (principal.id, principal.name, principal.tenant)
        return self._callers.get(key) or _keep(
            self._callers,
            key,
            b'"caller":{"id":%b,"name":%b},"tenant":%b'
            % (quote(principal.id), quote(principal.name), quote(principal.tenant)),
        )

    def _target(self, target: Target) -> bytes:
        key = (target.server, target.name, target.access, target.digest)
        return self._targets.get(key) or _keep(
            self._targets,
            key,
            b'"server":%b,"tool":%b,"access":%b,"definition":%b'
            % (
                quote(target.server),
                quote(target.name),
                quote(target.access),
                quote(target.digest),
            ),
        )

    def _asked(self, call: Call) -> bytes:
        """Name what was asked for while nobody knows whether there is such a thing."""
        return b'"server":%b,"tool":%b' % (
            b"null" if call.server is None else quote(self._redact_text(call.server)),
            quote(self._redact_text(call.name[:TEXT_CHARS_MAX])) if call.name else b"null",
        )

    def _decision(self, permitted: Permitted) -> bytes:
        key = (permitted.version, permitted.policies)
        return self._decisions.get(key) or _keep(
            self._decisions,
            key,
            b',"policies":%b,"policy_version":%b'
            % (orjson.dumps(permitted.policies), quote(permitted.version)),
        )

    def _currency(self, currency: str) -> bytes:
        return self._currencies.get(currency) or _keep(self._currencies, currency, quote(currency))

    def _input(self, arguments: dict[str, JSON], bytes_max: int) -> bytes:
        try:
            encoded = encode_document(arguments)
        except (TypeError, ValueError, RecursionError):  # the strict parse refuses such input
            return b'"input":null,"input_truncated":true,"input_digest":null'
        digest = sha256(encoded).hexdigest().encode()
        if len(encoded) > bytes_max:
            return b'"input":null,"input_truncated":true,"input_digest":"%b"' % digest
        return b'"input":%b,"input_digest":"%b"' % (self._redact(encoded), digest)


def _keep(cache: _Cache, key: Any, part: bytes) -> bytes:
    """Remember an encoded part, escaped for good. A full cache begins anew: it is only a cache."""
    if len(cache) >= _CACHE_ENTRIES_MAX:
        cache.clear()
    part = escape_hidden(part)
    cache[key] = part
    return part
