"""Records as JSON members: text put together from parts that are encoded once. Pure.

What is constant for a caller, a target, a policy decision or a kind of request is encoded at first
use and looked up after that; only the input, the digests and the numbers are new in each line.
Text and not bytes: CPython joins and searches it several times faster.
"""

import functools
from collections.abc import Callable, Hashable
from typing import Final, final

import msgspec
import orjson

from yett.audit.chain import escape_hidden
from yett.audit.private import Digest, PrivatePaths, comparable, hide, private_paths
from yett.core.call import Call
from yett.core.document import encode as encode_document
from yett.core.identity import Principal
from yett.core.operations import Kind
from yett.core.proofs import Admitted, Agreement, Cleaned
from yett.core.talk import INPUT_REQUIRED, Resumption, Talk
from yett.core.target import JSON, Target

TEXT_CHARS_MAX: Final = 256
PRIVATE_CHARS_MAX: Final = 500
_SAID_CHARS_MAX: Final = 4_096
INPUT_BYTES_MAX: Final = 16_384
STRANGER_INPUT_BYTES_MAX: Final = 1_024
"""Of a request without a good credential: nobody fills the disk for free."""
EVENT_BYTES_MAX: Final = 65_536
_CACHE_ENTRIES_MAX: Final = 4_096

Redact = Callable[[bytes], bytes]
RedactText = Callable[[str], str]
_Cache = dict[Hashable, str]


def quote(text: str, chars_max: int = TEXT_CHARS_MAX) -> str:
    """Return a JSON string of at most `chars_max` characters, `…` included; any text will do."""
    if len(text) > chars_max:
        text = text[: chars_max - 1] + "…"
    try:
        return orjson.dumps(text).decode()
    except TypeError:  # a lone surrogate
        return orjson.dumps(text.encode("utf-8", "replace").decode()).decode()


def quote_or_null(text: str | None) -> str:
    return "null" if text is None else quote(text)


@final
class Parts(msgspec.Struct, frozen=True, eq=False):
    """What is the same for each call that one caller may make of one target, kept in its standing; whole texts, so
    that the two records of a plain call are put together in one step each.

    policies, cost_micros, currency, names: what some of it was made from, beside the standing; the version of the
    policies is as old as that. before, after: of the
    intent, what stands around the input. ending: of the outcome, its last members. plain_bytes_max: the largest
    input that may stand in the record as it is; 0: none. private: where in it stands what the tool's schema calls
    secret. server, tool, tenant, caller: for the summary.
    """

    policies: tuple[str, ...]
    cost_micros: int
    currency: str
    before: str
    after: str
    private: PrivatePaths
    plain_bytes_max: int
    names: tuple[str, ...]
    ending: str
    is_write: bool
    server: str
    tool: str
    tenant: str
    caller: str


@final
class Encoder:
    """node: of this gate. redact: compact JSON → compact JSON without secrets; redact_text: the same
    for a sentence. digest: keyed, so that equal values can be told and none be guessed."""

    def __init__(
        self, *, node: str, redact: Redact, redact_text: RedactText, digest: Digest
    ) -> None:
        self._node = quote(node)
        self.redact = redact
        self._redact_text = redact_text
        self._digest = digest
        self.hash: Final = digest.hash
        self.origins: _Cache = {}
        self._callers: _Cache = {}
        self._targets: _Cache = {}
        self._decisions: _Cache = {}

    def intent(self, admitted: Admitted, parts: Parts) -> str:
        """Write what is about to be done, whatever it is. parts: from `prepare`, for these policies."""
        validated = admitted.validated
        call = validated.permitted.call
        given = self._document(
            "input", validated.encoded or validated.arguments, INPUT_BYTES_MAX, parts.private
        )
        return (
            f'"kind":"intent",{self._request(call)},{parts.before}{given},'
            f"{self._decision(parts.policies, validated.permitted.version)},"
            f"{_price(admitted.cost_micros, admitted.currency)}"
            f"{'' if admitted.agreement is None else _agreement(admitted.agreement)}"
            f"{'' if validated.resumption is None else self._continuation(validated.resumption)}"
            f"{'' if call.talk is None else _trace(call.talk)}"
        )

    def _continuation(self, resumption: Resumption) -> str:
        """Tell which round a round goes on from, and what the server is answered in it."""
        before = quote_or_null(resumption.continues or None)
        answers = self._document("answers", resumption.inputs, INPUT_BYTES_MAX)
        return f',"continues":{before},{answers}'

    def answered(
        self, call: Call, intent: int, cleaned: Cleaned, status: str, cost: int, latency: float
    ) -> str:
        """Write the outcome of a call that an upstream answered, whatever it said."""
        encoded, answered = cleaned.encoded, cleaned.answered
        return (
            f'"kind":"outcome","id":{quote(call.id)},"intent":{intent},"decision":"allowed","status":"{status}",'
            f'"cost_micros":{cost},"latency_ms":{latency * 1e3:.3f},"upstream_ms":{answered.seconds * 1e3:.3f},'
            f'"bytes":{len(encoded)},"output_digest":"{self._digest(encoded)}",'
            f"{_ending(cleaned.findings, answered.armed.credential.names)}"
            f"{self._questions(cleaned) if status == INPUT_REQUIRED else ''}"
        )

    def _questions(self, cleaned: Cleaned) -> str:
        """Tell what the server asks its caller, so that it can be said later what was agreed to."""
        asked = {} if cleaned.result is None else cleaned.result.get("inputRequests", {})
        return f",{self._document('questions', asked, INPUT_BYTES_MAX)}"

    def ended(self, call: Call, intent: int, ending: str, *, cost: int) -> str:
        """Write the outcome of a call that was allowed and yet has no answer."""
        return f'"kind":"outcome","id":{quote(call.id)},"intent":{intent},"cost_micros":{cost},{ending}'

    def single(
        self,
        kind: str,
        call: Call,
        ending: str,
        *,
        principal: Principal | None,
        target: Target | None,
        verdict: tuple[tuple[str, ...], str] | None,
        with_input: bool,
    ) -> str:
        """Write a decision that needs one line: a refusal, a listing, what concerns the caller. verdict: ids
        of the policies that decided, and the version of their set; None: none were asked."""
        parts = [f'"kind":"{kind}"', self._request(call)]
        if principal is not None:
            parts.append(self._caller(principal))
        parts.append(self._asked(call) if target is None else self._target(target))
        if with_input and call.arguments:
            limit = STRANGER_INPUT_BYTES_MAX if principal is None else INPUT_BYTES_MAX
            private = None if target is None else private_paths(target.definition)
            parts.append(self._document("input", call.arguments, limit, private))
        if verdict is not None:
            parts.append(self._decision(*verdict))
        parts.append(ending)
        traced = _trace(call.talk) if call.talk is not None and kind == "refusal" else ""
        return ",".join(parts) + traced

    def refused(self, decision: str, reason: str, private: str, status: str, latency: float) -> str:
        words = quote(self._redact_text(private), PRIVATE_CHARS_MAX) if private else "null"
        return (
            f'"decision":"{decision}","reason":"{reason}","private":{words},"status":"{status}",'
            f'"latency_ms":{latency * 1e3:.3f}'
        )

    def served(self, latency: float, *, count: int | None, version: str | None) -> str:
        """End a listing (`count` items under policy `version`) or an answer about the caller."""
        ending = f'"decision":"allowed","status":"ok","latency_ms":{latency * 1e3:.3f}'
        if count is None:
            return ending
        return f'{ending},"count":{count},"policy_version":{quote_or_null(version)}'

    def event(self, event: dict[str, JSON]) -> str:
        """Write something that happened beside the calls: its name, who did it, and the rest."""
        rest = {key: value for key, value in event.items() if key not in {"event", "actor"}}
        try:
            details = self.redact(encode_document(rest)).decode()
        except (TypeError, ValueError, RecursionError):
            details = '{"unencodable":true}'
        if len(details) > EVENT_BYTES_MAX:
            details = '{"truncated":true}'
        actor = event.get("actor")
        return (
            f'"kind":"event","event":{quote(str(event.get("event")))},'
            f'"node":{self._node},"actor":{quote_or_null(None if actor is None else str(actor))},'
            f'"details":{details}'
        )

    def prepare(self, admitted: Admitted, names: tuple[str, ...] | None = None) -> Parts:
        """Put together what is kept in the standing from then on. names: of the secrets that the server gets; None:
        not known yet."""
        permitted = admitted.validated.permitted
        principal, target = permitted.principal, permitted.target
        old: Parts | None = permitted.standing.audit
        private = private_paths(target.definition) if old is None else old.private
        if names is None:
            names = () if old is None else old.names
        parts = Parts(
            policies=permitted.policies,
            cost_micros=admitted.cost_micros,
            currency=admitted.currency,
            before=f"{self._caller(principal)},{self._target(target)},",
            after=f"{self._decision(permitted.policies, permitted.version)},"
            f"{_price(admitted.cost_micros, admitted.currency)}",
            private=private,
            plain_bytes_max=INPUT_BYTES_MAX if private is None else 0,
            names=names,
            ending=escape_hidden(_ending((), names)),
            is_write=target.access == "write",
            server=target.server,
            tool=shown_name(target),
            tenant=principal.tenant,
            caller=principal.id,
        )
        permitted.standing.audit = parts
        return parts

    def _request(self, call: Call) -> str:
        return f'"id":{quote(call.id)},{self._origin(call)}'

    def _origin(self, call: Call) -> str:
        key = (call.door, call.protocol, call.operation.method, call.peer)
        origin = self.origins.get(key)
        if origin is None:
            door, protocol, method, peer = key
            origin = _keep(
                self.origins,
                key,
                f'"node":{self._node},"door":{quote(door)},"protocol":{quote(protocol)},'
                f'"method":{quote(method)},"peer":{quote(peer)}',
            )
        return origin

    def _caller(self, principal: Principal) -> str:
        key = (principal.id, principal.name, principal.tenant)
        caller = self._callers.get(key)
        if caller is None:
            identifier, name, tenant = map(quote, key)
            caller = _keep(
                self._callers,
                key,
                f'"caller":{{"id":{identifier},"name":{name}}},"tenant":{tenant}',
            )
        return caller

    def _target(self, target: Target) -> str:
        key = (target.server, target.name, target.access, target.digest)
        known = self._targets.get(key)
        if known is None:
            server, name, access, digest = map(quote, key)
            if target.kind is Kind.RESOURCE:  # of a template, a caller chose most of it
                name = self._said(target.name)
            known = _keep(
                self._targets,
                key,
                f'"server":{server},"tool":{name},"access":{access},"definition":{digest}',
            )
        return known

    def _asked(self, call: Call) -> str:
        """Name what was asked for while nobody knows whether there is such a thing."""
        return f'"server":{self._said(call.server)},"tool":{self._said(call.name)}'

    def _said(self, text: str | None) -> str:
        """Quote what a caller chose. Redacted before it is cut: half a secret fits no pattern."""
        if not text:
            return "null"
        return quote(self._redact_text(text[:_SAID_CHARS_MAX]))

    def _decision(self, policies: tuple[str, ...], version: str) -> str:
        key = (version, policies)
        decision = self._decisions.get(key)
        if decision is None:
            decision = _keep(
                self._decisions,
                key,
                f'"policies":{_names(policies)},"policy_version":{quote(version)}',
            )
        return decision

    def _document(
        self,
        name: str,
        value: dict[str, JSON] | bytes,
        bytes_max: int,
        private: PrivatePaths = None,
    ) -> str:
        """value: as it was parsed, or as it was encoded already."""
        encoded = value
        if not isinstance(encoded, bytes):
            try:
                encoded = encode_document(encoded)
            except (TypeError, ValueError, RecursionError):  # the strict parse refuses such input
                return f'"{name}":null,"{name}_truncated":true,"{name}_digest":null'
        digest = self._digest(encoded)
        if len(encoded) > bytes_max:
            return f'"{name}":null,"{name}_truncated":true,"{name}_digest":"{digest}"'
        shown = encoded if private is None else hide(encoded, private, self._digest)
        kept = self.redact(shown)
        if kept is not shown:
            kept = comparable(shown, kept, self._digest)
        return f'"{name}":{kept.decode()},"{name}_digest":"{digest}"'


def _trace(talk: Talk) -> str:
    """Name the trace that a caller's request belongs to (W3C Trace Context, 3.2: `version-trace-parent-flags`)."""
    parent = talk.trace.get("traceparent")
    return f',"trace":{quote(parent.split("-")[1])}' if parent else ""


def _agreement(agreement: Agreement) -> str:
    """Tell which people let the call pass, and by which question."""
    told: JSON = {"id": agreement.id, "approvers": list(agreement.approvers)}
    if agreement.break_glass:
        told["break_glass"] = True
    return f',"approval":{encode_document(told).decode()}'


def shown_name(target: Target) -> str:
    """What metrics and traces may show: of a template itself, never the URI that a caller put into it."""
    if target.kind is Kind.RESOURCE:
        return str(target.definition.get("uriTemplate", target.name))
    return target.name


def _ending(findings: tuple[str, ...], secrets: tuple[str, ...]) -> str:
    return f'"findings":{_names(findings)},"secrets":{_names(secrets)}'


@functools.lru_cache(maxsize=256)
def _price(cost_micros: int, currency: str) -> str:
    """Put a price and the decision to pay it into words; the configuration has few."""
    return f'"cost_micros":{cost_micros},"currency":{quote(currency)},"decision":"allowed"'


def _names(names: tuple[str, ...]) -> str:
    return orjson.dumps(names).decode() if names else "[]"


def _keep(cache: _Cache, key: Hashable, part: str) -> str:
    """Remember an encoded part, escaped for good. A full cache begins anew: it is only a cache."""
    if len(cache) >= _CACHE_ENTRIES_MAX:
        cache.clear()
    part = escape_hidden(part)
    cache[key] = part
    return part
