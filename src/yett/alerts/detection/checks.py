"""What is too much, and how it is said: pure. Each returns a sighting, or None."""

from typing import Final

from yett.alerts.alert import Sighting
from yett.alerts.detection.calendar import Moment
from yett.alerts.detection.profile import Profile
from yett.alerts.detection.rhythm import Usual
from yett.core.quantities import Money

CALLS_LEAST: Final = 30
"""In an hour: fewer are never too many."""
CALLS_LEAST_UNKNOWN: Final = 2_000
"""As long as nothing is known of a key."""
MICROS_LEAST: Final = 1_000_000
MICROS_LEAST_UNKNOWN: Final = 50_000_000
RUN_LEAST: Final = 20
DENIED_LEAST: Final = 60
_LONGER_RUN: Final = 2.0
_MORE_DENIED: Final = 3.0
_OFTEN_OUTSIDE: Final = 2


def volume(caller: str, name: str, profile: Profile, found: tuple[float, Usual]) -> Sighting:
    total, usual = found
    known = _usually(f"{usual.usual:.0f}", f"{usual.most:.0f}") if usual.known else _NEW
    return Sighting(
        "volume",
        f"key:{caller}",
        f"key {name} made {total:.0f} calls in the last hour{known}",
        "high",
        profile.tenant,
        {
            "key": name,
            "calls": int(total),
            "usual": round(usual.usual, 1) if usual.known else None,
            "most": int(usual.most) if usual.known else None,
        },
    )


def spend(
    caller: str, name: str, profile: Profile, currency: str, found: tuple[float, Usual]
) -> Sighting:
    total, usual = found

    def money(micros: float) -> str:
        return str(Money(int(micros), currency))

    known = _usually(money(usual.usual), money(usual.most)) if usual.known else _NEW
    return Sighting(
        "spend",
        f"key:{caller}",
        f"key {name} spent {money(total)} in the last hour{known}",
        "high",
        profile.tenant,
        {
            "key": name,
            "spent": money(total),
            "usual": money(usual.usual) if usual.known else None,
            "most": money(usual.most) if usual.known else None,
        },
    )


_NEW: Final = "; it is too new for anybody to say what is usual"


def _usually(usual: str, most: str) -> str:
    return f", usually {usual} at this time (most in 5 weeks: {most})"


def off_hours(
    caller: str, name: str, profile: Profile, moment: Moment, tools: list[str]
) -> Sighting | None:
    days = profile.work_outside(moment)
    if days >= _OFTEN_OUTSIDE:
        return None
    shown = ", ".join(tools[:5]) + (f" and {len(tools) - 5} more" if len(tools) > 5 else "")  # noqa: PLR2004 - as many as one reads
    return Sighting(
        "off-hours",
        f"key:{caller}",
        f"key {name} used {shown} on {moment.shown}, outside business hours; it was so at about this time"
        f" on {days} days before",
        "low",
        profile.tenant,
        {"key": name, "tools": list(tools[:5]), "at": moment.shown, "days_before": days},
    )


def denials(caller: str, name: str, profile: Profile, now: float) -> Sighting | None:
    hour = 0.0 if profile.denied is None else profile.denied.total(now)
    in_a_row = profile.run >= max(RUN_LEAST, _LONGER_RUN * profile.most_run)
    if not in_a_row and hour < max(DENIED_LEAST, _MORE_DENIED * profile.most_denied):
        return None
    said = f"{profile.run} times in a row" if in_a_row else f"{hour:.0f} times in the last hour"
    return Sighting(
        "denials",
        f"key:{caller}",
        f"key {name} was refused {said} (most before: {profile.most_run:.0f} in a row,"
        f" {profile.most_denied:.0f} in an hour)",
        "high",
        profile.tenant,
        {
            "key": name,
            "in_a_row": profile.run,
            "last_hour": int(hour),
            "most_in_a_row": int(profile.most_run),
            "most_in_an_hour": int(profile.most_denied),
        },
    )


def first_tool(caller: str, name: str, profile: Profile, tool: str, days: float) -> Sighting:
    return Sighting(
        "first-tool",
        f"key:{caller}",
        f"key {name} used {tool} for the first time in {days:.0f} days (it knows {len(profile.tools) - 1} others)",
        "low",
        profile.tenant,
        {"key": name, "tool": tool, "days": int(days), "others": len(profile.tools) - 1},
    )


def first_address(caller: str, name: str, profile: Profile, network: str, days: float) -> Sighting:
    return Sighting(
        "first-address",
        f"key:{caller}",
        f"key {name} came from {network} for the first time in {days:.0f} days"
        f" (it came from {len(profile.networks) - 1} others)",
        "low",
        profile.tenant,
        {"key": name, "network": network, "days": int(days), "others": len(profile.networks) - 1},
    )


def two_places(caller: str, name: str, profile: Profile, here: str, there: str) -> Sighting:
    return Sighting(
        "two-places",
        f"key:{caller}",
        f"key {name} was used from {here} and {there} in turn within ten minutes; one of them is new for it",
        "high",
        profile.tenant,
        {"key": name, "networks": sorted((here, there))},
    )
