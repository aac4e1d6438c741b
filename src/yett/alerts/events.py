"""What other parts of the gate say with an event, as something that a person should hear of."""

from collections.abc import Callable
from typing import Any, Final, cast

from yett.alerts.alert import Sighting
from yett.alerts.config import Severity
from yett.alerts.kinds import ENDS
from yett.alerts.messages import printable
from yett.core.target import JSON

_VALUE_CHARS_MAX: Final = 160
_MEMBERS_MAX: Final = 12
_LEFT_OUT: Final = frozenset({"event", "event_id", "alert", "at", "actor", "tenant"})
_SUBJECTS: Final = (
    ("approval", "approval"), ("caller", "key"), ("policy", "policy"), ("approver", "approver"),
    ("account", "budget"), ("place", "checkpoint"), ("destination", "shipping"), ("target", "tool"),
    ("name", "secret"), ("server", "server"),
)  # fmt: skip
"""Members of events, and what the subject is called by the first that is there."""

Whose = Callable[[str], tuple[str, str]]
"""The id of a key → its name and tenant."""


def concerns(event: dict[str, JSON]) -> bool:
    """Tell whether an event raises an alert or ends one."""
    return "alert" in event or event.get("event") in ENDS


def subject_of(event: dict[str, JSON]) -> str:
    about_a_tool = event.get("server") and event.get("tool")
    if about_a_tool and "approval" not in event and "caller" not in event:
        return f"tool:{_short(event['server'])}/{_short(event['tool'])}"
    return next(
        (f"{word}:{_short(event[name])}" for name, word in _SUBJECTS if event.get(name)), "gate"
    )


def sighting_of(
    event: dict[str, JSON], whose: Whose, redact_text: Callable[[str], str]
) -> Sighting:
    """Return what to tell. Of what the event says only short texts and numbers are taken, without secrets:
    some of it may be a server's own words."""
    name = _short(event.get("event", ""))
    caller, tenant = event.get("caller"), event.get("tenant")
    numbers: dict[str, Any] = {}
    for member, value in event.items():
        if member in _LEFT_OUT or len(numbers) >= _MEMBERS_MAX:
            continue
        if isinstance(value, bool | int | float):
            numbers[member] = value
        elif value is not None:
            numbers[member] = _short(redact_text(str(value)))
    if isinstance(caller, str):
        numbers["key"], owner = whose(caller)
        tenant = tenant or owner
    said = ", ".join(f"{member} {value}" for member, value in numbers.items())
    severity = event["alert"] if event.get("alert") in ("high", "low") else "high"
    return Sighting(
        name,
        subject_of(event),
        f"{name}: {said}" if said else name,
        cast("Severity", severity),
        str(tenant) if isinstance(tenant, str) else "",
        numbers,
    )


def _short(value: object) -> str:
    return printable(value)[:_VALUE_CHARS_MAX]
