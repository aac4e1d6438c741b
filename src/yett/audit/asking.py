"""What somebody who looks for records writes, made a `Filter`: the same for commands and for the admin API."""

from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches

from yett.audit.reading import Filter
from yett.audit.words import NUMBERS, words
from yett.core.errors import CommandError
from yett.core.quantities import duration_seconds
from yett.core.reasons import Reason
from yett.core.target import SEPARATOR


def filter_from(given: dict[str, str], members: Sequence[str], now: float) -> Filter:
    """Return the filter. given: its fields by name, times as `moment` takes them. members: `NAME=VALUE`.

    Raises:
        CommandError: one of them says nothing that can be looked for.
    """
    _check_reason(given.get("reason"))
    _check_tool(given.get("tool"))
    fields = dict(given)
    for bound in ("since", "until"):
        found = moment(given.get(bound), now)
        if found is not None:
            fields[bound] = found
    if "text" in fields and not words(fields["text"]):
        raise CommandError(f"`{fields['text']}` has no letter and no digit to look for")
    return Filter(members=tuple(map(member_of, members)), **fields)


def _check_reason(reason: str | None) -> None:
    """A mistyped one must not read as "nothing of the kind happened"."""
    known = list(Reason)
    if reason is None or reason in known:
        return
    near = get_close_matches(reason, known, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"There are: {', '.join(known)}"
    raise CommandError(f"`{reason}` is no reason to refuse. {hint}")


def _check_tool(tool: str | None) -> None:
    """Roles write SERVER.TOOL and agents SERVER__TOOL; no server is called like that."""
    for written in (SEPARATOR, "."):
        if tool and "/" not in tool and written in tool:
            name = tool.replace(written, "/", 1)
            raise CommandError(f"`{tool}` is no server. Did you mean `{name}`?")


def member_of(text: str) -> tuple[str, str]:
    """Return name and value of `NAME=VALUE`.

    Raises:
        CommandError: it is no such thing, or nobody can search for it.
    """
    name, separator, value = text.partition("=")
    if not separator or not name or not value:
        raise CommandError(f"a member is asked for as NAME=VALUE, and not `{text}`")
    if name in NUMBERS:
        raise CommandError(f"`{name}` is a number or a time, and texts are compared")
    return name, value


def moment(text: str | None, now: float) -> str | None:
    """Return `1h` (ago) or an ISO time as the log writes times."""
    if text is None:
        return None
    try:
        found = datetime.fromtimestamp(now - duration_seconds(text), UTC)
    except ValueError:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise CommandError(
                f"`{text}` is no time. Write how long ago (1h, 30d) or 2026-11-22T13:00Z"
            ) from None
        found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    return found.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
