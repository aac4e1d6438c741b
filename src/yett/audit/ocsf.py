"""Records as events of the Open Cybersecurity Schema Framework: API Activity (class 6003), version 1.3.0. Pure.

Every member that the class requires is always there. What OCSF has no place for is in `unmapped`.
"""

from datetime import datetime
from typing import Final

import yett
from yett.audit.reading import Entry
from yett.core.target import JSON

_VERSION: Final = "1.3.0"
_CLASS: Final = 6003
_CATEGORY: Final = 6
_UNKNOWN: Final = 0
_CREATE, _READ, _UPDATE, _DELETE, _OTHER = 1, 2, 3, 4, 99
_ENDINGS: Final = {
    "created": _CREATE, "added": _CREATE, "set": _UPDATE, "changed": _UPDATE, "rotated": _UPDATE,
    "approved": _UPDATE, "revoked": _DELETE, "removed": _DELETE, "pruned": _DELETE,
}  # fmt: skip
"""How the name of an event ends → what was done."""
_SUCCESS, _FAILURE = 1, 2
_INFORMATIONAL, _LOW, _MEDIUM, _HIGH = 1, 2, 3, 4
_UNMAPPED: Final = (
    "sequence", "outcome_sequence", "door", "access", "definition", "input", "input_digest", "output_digest",
    "cost_micros", "currency", "secrets", "findings", "bytes", "upstream_ms", "count", "details", "continues",
    "approval", "node",
)  # fmt: skip


def event_of(entry: Entry) -> dict[str, JSON]:
    """Return the event that a record is."""
    activity = _activity(entry)
    event: dict[str, JSON] = {
        "activity_id": activity,
        "category_uid": _CATEGORY,
        "class_uid": _CLASS,
        "type_uid": _CLASS * 100 + activity,
        "time": _milliseconds(entry),
        "severity_id": _severity(entry),
        "status_id": _status(entry),
        "metadata": {
            "version": _VERSION,
            "uid": entry.get("id") or str(entry["sequence"]),
            "log_name": "yett",
            "sequence": entry["sequence"],
            "original_time": entry["at"],
            "product": {
                "name": "Yett",
                "vendor_name": "Yett",
                "version": yett.__version__,
            },
        },
        "actor": {"user": _user(entry)},
        "api": _api(entry),
        "src_endpoint": {"ip": entry["peer"]} if entry.get("peer") else {"name": _node(entry)},
        "unmapped": {
            name: entry[name] for name in _UNMAPPED if entry.get(name) not in (None, [], {})
        },
    }
    if entry.get("tool") or entry.get("server"):
        event["resources"] = [{"name": _target(entry), "type": "tool"}]
    if entry.get("status"):
        event["status"] = entry["status"]
    if entry.get("reason"):
        event |= {"status_code": entry["reason"], "status_detail": entry.get("private") or ""}
    if entry.get("policies"):
        event["unmapped"]["policies"] = entry["policies"]
    if entry.get("latency_ms") is not None:
        event["duration"] = round(entry["latency_ms"])
    return event


def _activity(entry: Entry) -> int:
    if entry["kind"] == "event":
        return _ENDINGS.get(str(entry.get("event")).rpartition(".")[2], _OTHER)
    if entry["kind"] == "call":
        return {"read": _READ, "write": _UPDATE}.get(str(entry.get("access")), _UNKNOWN)
    return _READ if entry["kind"] in ("listing", "own") else _UNKNOWN


def _severity(entry: Entry) -> int:
    if entry["kind"] == "event":
        details = entry.get("details") or {}
        return {"high": _HIGH, "low": _MEDIUM}.get(str(details.get("alert")), _INFORMATIONAL)
    if entry.get("findings"):
        return _MEDIUM
    return _INFORMATIONAL if entry.get("decision") == "allowed" else _LOW


def _status(entry: Entry) -> int:
    if entry["kind"] == "event":
        return _SUCCESS
    if entry.get("status") == "unknown":
        return _UNKNOWN
    return _SUCCESS if entry.get("status") in ("ok", "input_required") else _FAILURE


def _api(entry: Entry) -> dict[str, JSON]:
    api: dict[str, JSON] = {
        "operation": entry.get("method") or entry.get("event") or entry["kind"],
        "service": {"name": entry.get("server") or "yett"},
    }
    if entry.get("protocol"):
        api["version"] = entry["protocol"]
    if entry.get("id"):
        api["request"] = {"uid": entry["id"]}
    if entry.get("reason"):
        api["response"] = {"error": entry["reason"]}
    return api


def _user(entry: Entry) -> dict[str, JSON]:
    caller = entry.get("caller")
    if not isinstance(caller, dict):
        return {"name": str(entry.get("actor") or "unknown")}
    user = {"uid": str(caller.get("id")), "name": str(caller.get("name"))}
    if entry.get("tenant"):
        return user | {"org": {"name": entry["tenant"], "uid": entry["tenant"]}}
    return user


def _node(entry: Entry) -> str:
    return str(entry.get("node") or "yett")


def _target(entry: Entry) -> str:
    return "/".join(filter(None, (entry.get("server"), entry.get("tool"))))


def _milliseconds(entry: Entry) -> int:
    try:
        return int(datetime.fromisoformat(entry["at"]).timestamp() * 1000)
    except ValueError:
        return 0
