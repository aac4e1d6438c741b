"""Every kind of alert: how urgent it is, when it is over by itself, and what to do about it.

docs/reference/alerts.md is written from this table.
"""

from typing import Final, final

import msgspec

from yett.alerts.config import Severity

_HOUR: Final = 3600.0
_DAY: Final = 86_400.0


@final
class Kind(msgspec.Struct, frozen=True):
    """quiet_seconds: it is over when it has not been seen for so long. tells_end: whoever was told of it is
    told of that, too. means, do: for people."""

    severity: Severity
    means: str
    do: str
    quiet_seconds: float = _DAY
    tells_end: bool = False


KINDS: Final[dict[str, Kind]] = {
    "volume": Kind(
        "high",
        "A key made about ten times as many calls in an hour as is usual for it at this time, and clearly more than ever in five weeks.",
        "See what it calls with `yett audit search --key`; revoke it if that is not its owner.",
        quiet_seconds=2 * _HOUR,
        tells_end=True,
    ),
    "spend": Kind(
        "high",
        "A key spent about ten times as much money in an hour as is usual for it, and clearly more than ever in five weeks.",
        "See what it calls; give it a budget (`limits`) or revoke it.",
        quiet_seconds=2 * _HOUR,
        tells_end=True,
    ),
    "off-hours": Kind(
        "low",
        "A key used a tool outside the hours of its tenant (`alerts.hours`), at a time at which it usually does not.",
        "Ask its owner; silence the key if this is how it is to be used.",
    ),
    "errors": Kind(
        "low",
        "Far more of a server's or tool's calls fail than usual.",
        "Look at the server; `yett audit search --server` shows what it answers.",
        quiet_seconds=_HOUR,
        tells_end=True,
    ),
    "first-tool": Kind(
        "low",
        "A key that has been in use for a week uses a tool for the first time, and others do not begin with it as well.",
        "Nothing, if its owner began to use it; else take the grant away.",
    ),
    "first-address": Kind(
        "low",
        "A key that has been in use for a week comes from a network (IPv4 /24, IPv6 /48) for the first time.",
        "Nothing, if its owner moved; else revoke it.",
    ),
    "two-places": Kind(
        "high",
        "A key is used from two networks in turn within minutes, one of them new, which one person cannot do.",
        "Revoke the key and make a new one.",
    ),
    "denials": Kind(
        "high",
        "A key was refused again and again, with nothing allowed in between and more often than is usual for it.",
        "See what it tried with `yett audit search --key --decision denied`.",
        quiet_seconds=2 * _HOUR,
    ),
    "credentials": Kind(
        "high",
        "Very many credentials were refused from one network, or from all together.",
        "Somebody tries keys; find out who has the address, and close it in the firewall.",
        quiet_seconds=2 * _HOUR,
        tells_end=True,
    ),
    "key-expiry": Kind(
        "low",
        "A key ends in 14, 7 or 1 days (the last is urgent).",
        "Give its owner a new secret: `yett key rotate`.",
        quiet_seconds=2 * _DAY,
    ),
    "certificate-expiry": Kind(
        "low",
        "A certificate ends in 14, 7 or 1 days (the last is urgent).",
        "Renew it.",
        quiet_seconds=2 * _DAY,
    ),
    "destination": Kind(
        "high",
        "Alerts do not arrive at a destination.",
        "Try it with `yett alert test`; the others were told.",
        quiet_seconds=_HOUR,
        tells_end=True,
    ),
    "flood": Kind(
        "high",
        "There are so many alerts of one kind that the rest of them is only counted here.",
        "See `yett alert list` and `yett audit search --text alert`.",
        quiet_seconds=2 * _HOUR,
    ),
    "unseen": Kind(
        "high",
        "More was decided than could be looked at, so that something may have gone by unseen.",
        "Give the gate more of the machine.",
        quiet_seconds=_HOUR,
    ),
    "test": Kind("low", "Somebody tries whether alerts arrive (`yett alert test`).", "Nothing."),
}
"""What the gate finds out by itself, from what was decided."""

EVENTS: Final[dict[str, Kind]] = {
    "secret.honeytoken": Kind(
        "high",
        "Somebody used a secret that nobody may use.",
        "Whoever sent it has been where it lay; revoke the key that sent it.",
    ),
    "secret.unwatched": Kind(
        "high",
        "A honeytoken cannot be read, so that it is not looked for, or only its last known value is; `*`: the vault does not answer.",
        "Store it again with `yett secret set NAME --honeytoken`; until then the gate goes on trying.",
        quiet_seconds=30 * _DAY,
    ),
    "tool.quarantined": Kind(
        "high",
        "A tool is not what was approved, and is out of use.",
        "`yett tool diff` shows what changed; `yett tool approve` takes it in again.",
        quiet_seconds=30 * _DAY,
    ),
    "tool.pinned": Kind(
        "high",
        "A tool was suspicious at first sight, and is out of use.",
        "`yett tool show` says why.",
    ),
    "policy.error": Kind(
        "high",
        "A policy could not be evaluated, so that what it is about is refused.",
        "Mend it; `yett policy check` says what is wrong.",
    ),
    "lock.not_signed": Kind(
        "high",
        "yett.lock changed and nobody who may sign it has.",
        "See who wrote it; sign it with `yett lock sign`, or take it back.",
    ),
    "lock.damaged": Kind("high", "yett.lock cannot be read.", "Take it from the repository again."),
    "key.not_revoked": Kind(
        "high", "A key that had to be cut could not be.", "Revoke it: `yett key revoke`."
    ),
    "breaker.opened": Kind(
        "high",
        "A caller failed again and again, and is kept out for a while.",
        "See what it tried; `yett key unblock` lets it in at once.",
    ),
    "budget.warning": Kind(
        "low",
        "A budget is nearly used up (from 95 % on it is urgent).",
        "Raise it (`limits`), or wait until it begins anew: `yett usage`.",
    ),
    "cost.untold": Kind(
        "low",
        "A result did not say what it cost, so that all that was put aside counts.",
        "See that `cost` of the tool names the right place in its results.",
    ),
    "clock.ahead": Kind(
        "high",
        "The clock is behind what was seen before, so budgets do not begin anew yet.",
        "Set the clock of the machine.",
    ),
    "proof.failed": Kind(
        "high",
        "The log does not fit its own proof: somebody, or a broken disk, changed it.",
        "Keep a copy of the directory, then `yett audit verify` says where.",
        quiet_seconds=30 * _DAY,
    ),
    "checkpoint.failed": Kind(
        "high",
        "A checkpoint of the log could not be placed.",
        "See that the place can be written; until then the newest records are less well proved.",
        quiet_seconds=7 * _DAY,
    ),
    "shipping.late": Kind(
        "low",
        "A place to which records are shipped has not taken any for a while.",
        "See that it answers.",
    ),
    "shipping.gap": Kind(
        "high",
        "Records were deleted before a place had them.",
        "Keep them for longer (`audit.retention`) than the place may be away.",
    ),
    "approval.requested": Kind(
        "low", "A call waits for a person.", "`yett approval show` says what it would do."
    ),
    "approval.break_glass": Kind(
        "high", "One person agreed to a call in place of all who are asked.", "Ask why."
    ),
    "approval.untold": Kind(
        "high",
        "The webhook of approvals could not be told of a question.",
        "See that it answers; `yett approval list` shows what waits.",
    ),
    "approver.added": Kind(
        "high", "Somebody may agree to calls from now on.", "See that this was meant."
    ),
    "approver.removed": Kind(
        "high", "Somebody may not agree to calls any more.", "See that this was meant."
    ),
}
"""What other parts of the gate say with an event; one that is not here is a kind as well, by its name."""


ENDS: Final[dict[str, tuple[str, ...]]] = {
    "secret.watched": ("secret.unwatched",),
    "tool.restored": ("tool.quarantined", "tool.pinned"),
    "checkpoint.resumed": ("checkpoint.failed",),
    "breaker.unblocked": ("breaker.opened",),
}
"""What an event ends, of the same subject."""


def kind_of(name: str) -> Kind:
    return KINDS.get(name) or EVENTS.get(name) or Kind("high", "", "")
