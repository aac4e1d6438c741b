"""What a line of the log may hold: the one table from which its page, its JSON Schema and its tests are made.

Version 2 is format 2 of the log. A member that is added keeps the version; one that is taken away or means
something else makes it another.
"""

from typing import Any, Final, final

import msgspec

from yett.audit.chain import FORMAT

KINDS: Final = {
    "intent": "a call was allowed; written before anything outside is touched",
    "outcome": "what became of it; written before the answer leaves",
    "refusal": "a request was refused before there was an intent",
    "listing": "a list of tools, resources or prompts was answered",
    "own": "something that concerns the caller alone was answered (`ping`, `initialize`, its own key)",
    "event": "something beside the calls",
    "segment": "the beginning of a file",
}
_ASKED: Final = ("intent", "refusal", "listing", "own")
_DECIDED: Final = (*_ASKED, "outcome")
_CALLS: Final = ("intent", "refusal")
_LINES: Final = tuple(KINDS)

_TEXT: Final = {"type": "string"}
_TEXT_OR_NULL: Final = {"type": ["string", "null"]}
_COUNT: Final = {"type": "integer", "minimum": 0}
_MILLISECONDS: Final = {"type": "number"}
_HEX_64: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_DIGEST: Final = {"type": ["string", "null"], "pattern": "^[0-9a-f]{32}$"}
_NAMES: Final = {"type": "array", "items": {"type": "string"}}
_TIME: Final = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"}
_STATUS: Final = {"enum": ["ok", "tool_error", "input_required", "refused", "unknown"]}
_DECISION: Final = {"enum": ["allowed", "denied", "error"]}
_PERSON: Final = {
    "type": "object",
    "properties": {"id": _TEXT, "name": _TEXT},
    "required": ["id", "name"],
    "additionalProperties": False,
}
_APPROVAL: Final = {
    "type": "object",
    "properties": {"id": _TEXT, "approvers": _NAMES, "break_glass": {"const": True}},
    "required": ["id", "approvers"],
    "additionalProperties": False,
}


@final
class Member(msgspec.Struct, frozen=True):
    """of: the kinds that can have it. always: those kinds that must. schema: JSON Schema of its value."""

    text: str
    of: tuple[str, ...]
    always: tuple[str, ...]
    schema: dict[str, Any]


MEMBERS: Final[dict[str, Member]] = {
    "sequence": Member("counts from 1 through all segments without a gap; always first", _LINES, _LINES, {"type": "integer", "minimum": 1}),
    "at": Member("the wall clock, in UTC with microseconds; it may jump, the sequence is the order", _LINES, _LINES, _TIME),
    "kind": Member("one of those above", _LINES, _LINES, {"enum": list(KINDS)}),
    "id": Member("the request's id, sent to the caller as `Yett-Request-Id`", _DECIDED, _DECIDED, _TEXT),
    "intent": Member("the sequence of the intent that this ends", ("outcome",), ("outcome",), {"type": "integer", "minimum": 1}),
    "node": Member("which gate", (*_ASKED, "event", "segment"), _ASKED, _TEXT),
    "door": Member("`mcp` or `rest`", _ASKED, _ASKED, {"enum": ["mcp", "rest"]}),
    "protocol": Member("the protocol's version", _ASKED, _ASKED, _TEXT),
    "method": Member("the operation", _ASKED, _ASKED, _TEXT),
    "peer": Member("the caller's address", _ASKED, _ASKED, _TEXT),
    "caller": Member("`{id, name}` of the key, once it is known", _ASKED, ("intent",), _PERSON),
    "tenant": Member("the caller's", _ASKED, ("intent",), _TEXT),
    "server": Member("the target's; of something unknown, what was asked for", _ASKED, ("intent",), _TEXT_OR_NULL),
    "tool": Member("the target's name; of something unknown, what was asked for, cut at 256 characters", _ASKED, ("intent",), _TEXT_OR_NULL),
    "access": Member("`read` or `write`, as it was approved", _CALLS, ("intent",), {"enum": ["read", "write"]}),
    "definition": Member("SHA-256 of the approved definition", _CALLS, ("intent",), _TEXT),
    "input": Member("the arguments without what is secret; null if they are too long", _ASKED, ("intent",), {}),
    "input_truncated": Member("the arguments were longer than 16 KiB (1 KiB without a good credential)", _ASKED, (), {"const": True}),
    "input_digest": Member("keyed digest of the arguments, before anything was hidden", _ASKED, ("intent",), _DIGEST),
    "continues": Member("the `id` of the record whose `input_required` this round answers", ("intent",), (), _TEXT_OR_NULL),
    "answers": Member("what the caller answered the server; as `input`", ("intent",), (), {}),
    "answers_truncated": Member("as `input_truncated`", ("intent",), (), {"const": True}),
    "answers_digest": Member("as `input_digest`", ("intent",), (), _DIGEST),
    "trace": Member("the trace that the caller's request belongs to (`traceparent` of MCP 2026-07-28)", ("intent", "refusal"), (), _TEXT),
    "approval": Member("who let the call pass: `{id, approvers, break_glass}`", ("intent",), (), _APPROVAL),
    "policies": Member("ids of the policies that decided", _CALLS, ("intent",), _NAMES),
    "policy_version": Member("of the set that decided", (*_CALLS, "listing"), ("intent",), _TEXT_OR_NULL),
    "cost_micros": Member("reserved, then settled, in millionths", ("intent", "outcome"), ("intent", "outcome"), _COUNT),
    "currency": Member("of the price", ("intent",), ("intent",), _TEXT),
    "decision": Member("`denied`: the gate decided; `error`: something needed did not answer", _DECIDED, _DECIDED, _DECISION),
    "reason": Member("one of the [reasons](reasons.md)", ("refusal", "outcome"), ("refusal",), _TEXT),
    "private": Member("a sentence for the operator, at most 500 characters", ("refusal", "outcome"), ("refusal",), _TEXT_OR_NULL),
    "status": Member("`refused`: nothing was done; `unknown`: the server may have done something", ("outcome", "refusal", "listing", "own"), ("outcome", "refusal", "listing", "own"), _STATUS),
    "latency_ms": Member("since the request arrived", ("outcome", "refusal", "listing", "own"), ("outcome", "refusal", "listing", "own"), _MILLISECONDS),
    "upstream_ms": Member("of the server alone", ("outcome",), (), _MILLISECONDS),
    "bytes": Member("length of the cleaned answer", ("outcome",), (), _COUNT),
    "output_digest": Member("keyed digest of the cleaned answer", ("outcome",), (), _DIGEST),
    "findings": Member("what was found in the answer", ("outcome",), (), _NAMES),
    "secrets": Member("names of the secrets that were used, never values", ("outcome",), (), _NAMES),
    "questions": Member("what the server asks its caller; as `input`", ("outcome",), (), {}),
    "questions_truncated": Member("as `input_truncated`", ("outcome",), (), {"const": True}),
    "questions_digest": Member("as `input_digest`", ("outcome",), (), _DIGEST),
    "notices": Member("how often the server said something meanwhile, if it did", _DECIDED, (), _COUNT),
    "count": Member("how many items were shown", ("listing",), ("listing",), _COUNT),
    "event": Member("its name", ("event",), ("event",), _TEXT),
    "actor": Member("who did it, e.g. `cli:anna`, `admin:127.0.0.1`, `gate`", ("event",), ("event",), _TEXT_OR_NULL),
    "details": Member("the rest of it", ("event",), ("event",), {"type": "object"}),
    "format": Member("of what follows in the file", ("segment",), ("segment",), {"const": FORMAT}),
    "previous_segment": Member("the file before; null: there is none", ("segment",), ("segment",), _TEXT_OR_NULL),
    "previous_sequence": Member("its last sequence", ("segment",), ("segment",), _COUNT),
    "previous_chain": Member("its last chain value; of the first file 32 random bytes", ("segment",), ("segment",), _HEX_64),
    "chain": Member("the line's seal, and its leaf in the tree; always last", _LINES, _LINES, _HEX_64),
}  # fmt: skip


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one line."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"One line of Yett's audit log, format {FORMAT}",
        "type": "object",
        "required": ["kind"],
        "oneOf": [_schema_of(kind) for kind in KINDS],
    }


def _schema_of(kind: str) -> dict[str, Any]:
    members = {name: member for name, member in MEMBERS.items() if kind in member.of}
    return {
        "title": kind,
        "properties": {name: member.schema for name, member in members.items()}
        | {"kind": {"const": kind}},
        "required": [name for name, member in members.items() if kind in member.always],
        "additionalProperties": False,
    }
