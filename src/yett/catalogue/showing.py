"""Definitions as one caller is shown them: under public names, page by page, marked if out of reach. Pure."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from yett.catalogue.definitions import IDENTITY
from yett.catalogue.names import public_uri
from yett.core.errors import Denied
from yett.core.operations import Kind
from yett.core.proofs import PermittedList
from yett.core.reasons import Reason
from yett.core.seal import Sealer, SealError
from yett.core.target import JSON, Target

PAGE_ITEMS_MAX: Final = 1_000
CURSOR_SECONDS: Final = 3_600.0
UNAVAILABLE: Final = "yett/unavailable"
"""Member of `_meta` of what is approved while its server cannot be reached."""

_APP_URI: Final = "resourceUri"

Altered = Mapping[str, Callable[[dict[str, JSON]], dict[str, JSON]]]
"""By `server/tool`, what is shown in place of a definition."""

NOTHING_ALTERED: Final[Altered] = {}


def show_page(
    permitted: PermittedList,
    sealer: Sealer,
    is_away: Callable[[str], bool],
    altered: Altered = NOTHING_ALTERED,
) -> dict[str, JSON]:
    """Return one page of a list, and the cursor of the next (MCP 2026-07-28, Pagination).

    A cursor is sealed for the caller and the list. It names the last item that was shown: a list that
    has changed meanwhile goes on behind it.

    Raises:
        Denied: INVALID_STATE, the cursor is not of this caller and this list, or too old.
    """
    call, targets = permitted.call, permitted.targets
    owner, purpose = permitted.principal.id, f"cursor {call.operation.method} {call.server or ''}"
    cursor = call.params.get("cursor")
    start = 0
    if cursor is not None:
        try:
            place, last = sealer.open(str(cursor), owner=owner, purpose=purpose)
        except SealError:
            raise Denied(Reason.INVALID_STATE, "the cursor does not open here") from None
        start = _behind(targets, place, last)
    end = len(targets) if call.params.get("whole") is True else start + PAGE_ITEMS_MAX
    result: dict[str, JSON] = {
        call.operation.answer_key: list(
            _show(targets[start:end], is_away, altered, publicly=call.server is None)
        )
    }
    if end < len(targets):
        content = [end - 1, targets[end - 1].key]
        result["nextCursor"] = sealer.seal(
            content, owner=owner, purpose=purpose, seconds=CURSOR_SECONDS
        )
    return result


def _behind(targets: tuple[Target, ...], place: int, last: str) -> int:
    """Return the place behind the item that was shown last; it is where it was, unless things changed."""
    if place < len(targets) and targets[place].key == last:
        return place + 1
    found = (index for index, target in enumerate(targets) if target.key == last)
    return next(found, place - 1) + 1


def _show(
    targets: tuple[Target, ...],
    is_away: Callable[[str], bool],
    altered: Altered,
    *,
    publicly: bool,
) -> Iterator[dict[str, JSON]]:
    away = {server: is_away(server) for server in {target.server for target in targets}}
    for target in targets:
        shown = target.definition
        if target.key in altered and target.kind is Kind.TOOL:
            shown = altered[target.key](shown)
        if publicly:
            shown = {**_with_public_app(target, shown), IDENTITY[target.kind]: target.public_name}
        if away[target.server]:
            meta = shown.get("_meta")
            known = meta if isinstance(meta, dict) else {}
            shown = {**shown, "_meta": {**known, UNAVAILABLE: True}}
        yield shown


def _with_public_app(target: Target, definition: dict[str, JSON]) -> dict[str, JSON]:
    """Lead a tool to its page under the name that the page has here (MCP Apps 2026-01-26, `_meta.ui`)."""
    meta = definition.get("_meta")
    app = meta.get("ui") if isinstance(meta, dict) else None
    if not isinstance(meta, dict) or not isinstance(app, dict):
        return definition
    uri = app.get(_APP_URI)
    if not isinstance(uri, str):
        return definition
    public = {**app, _APP_URI: public_uri(target.server, uri)}
    return {**definition, "_meta": {**meta, "ui": public}}
