"""What the `params` of each method may hold, and what of it becomes the call. Pure.

A member that is not understood is not dropped: the call would mean something else. Sources: schema.ts
of 2024-11-05 to 2026-07-28.
"""

from collections.abc import Callable
from typing import Final, final

import msgspec

from yett.core.bounds import SUBSCRIPTIONS_PER_PRINCIPAL_MAX
from yett.core.errors import Denied
from yett.core.notices import LOG_LEVELS
from yett.core.operations import COMPLETE_TEMPLATE, Operation
from yett.core.reasons import Reason
from yett.core.seal import SEALED_CHARS_MAX
from yett.core.target import JSON
from yett.core.tasks import FOLLOW_UPS, TASK, TASK_SECONDS_MAX, TaskAsked

ROUND: Final = frozenset({"inputResponses", "requestState"})
"""What a modern caller adds to a call that goes on (Multi Round-Trip Requests)."""

_PLAIN: Final[dict[str, frozenset[str]]] = {
    "tools/call": frozenset({"name", "arguments", "_meta"}),
    "prompts/get": frozenset({"name", "arguments", "_meta"}),
    "resources/read": frozenset({"uri", "_meta"}),
}
TALKATIVE: Final = frozenset(_PLAIN)
"""Methods whose server may tell or ask something before it answers."""
_CREATION: Final = _PLAIN | {"tools/call": _PLAIN["tools/call"] | {TASK}}
"""With what asks for a task in 2025-11-25, and means nothing in 2026-07-28 (SEP-2663)."""
_MODERN: Final = {method: members | ROUND for method, members in _CREATION.items()}
_LISTS: Final = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
LISTENABLE: Final = {
    f"{kind}ListChanged": f"notifications/{kind}/list_changed"
    for kind in ("tools", "prompts", "resources")
}
"""Lists that a modern caller may listen for → the notification that tells of it."""
_ARGUMENT: Final = frozenset({"argument", "context"})
_TASK_MEMBERS: Final = frozenset({"taskId", "inputResponses", "_meta"})
_TTL_MAX: Final = int(TASK_SECONDS_MAX * 1000)


@final
class Asked(msgspec.Struct, frozen=True):
    """What becomes of `params`. task: what it has to do with one. operation: set where they decide which
    of two it is."""

    name: str = ""
    arguments: dict[str, JSON] = {}
    params: dict[str, JSON] = {}
    task: TaskAsked | None = None
    operation: Operation | None = None
    refused: Denied | None = None


NOTHING: Final = Asked()
"""Of a method whose parameters do not matter here."""


def read_params(method: str, params: dict[str, JSON], *, modern: bool) -> Asked:
    """Read the parameters of a request; `refused` says why they are none."""
    members = (_MODERN if modern else _CREATION).get(method)
    if members is None:
        read = _OTHERS.get(method)
        return NOTHING if read is None else read(params)
    if not params.keys() <= members:
        return _invalid("`params` has a member that this gate does not carry")
    name = params.get("uri" if method == "resources/read" else "name")
    arguments = params.get("arguments")
    if type(name) is not str or not name:
        return _invalid("`params` must name the tool, prompt or resource")
    if TASK in params and not modern:
        return _read_creation(name, {} if arguments is None else arguments, params[TASK])
    if type(arguments) is dict:
        return Asked(name, arguments)
    return Asked(name) if arguments is None else _invalid("`arguments` must be an object")


def _read_creation(name: str, arguments: JSON, wanted: JSON) -> Asked:
    """A call that is to go on as a task (MCP 2025-11-25, Tasks: Creating Tasks)."""
    ttl = wanted.get("ttl") if isinstance(wanted, dict) else False
    if not (ttl is None or (type(ttl) is int and 0 <= ttl <= _TTL_MAX)):
        return _invalid("`task` must be an object, its `ttl` a number of milliseconds")
    if type(arguments) is not dict:
        return _invalid("`arguments` must be an object")
    return Asked(name, arguments, task=TaskAsked(ttl=ttl))


def _read_task(params: dict[str, JSON]) -> Asked:
    identifier, inputs = params.get("taskId"), params.get("inputResponses", {})
    if not params.keys() <= _TASK_MEMBERS or not isinstance(inputs, dict):
        return _invalid("`params` must be a `taskId`, and for an update `inputResponses`")
    if type(identifier) is not str or not 0 < len(identifier) <= SEALED_CHARS_MAX:
        return _invalid("`taskId` is not one of this gate's")
    return Asked(arguments=inputs, task=TaskAsked(identifier))


def _read_list(params: dict[str, JSON]) -> Asked:
    cursor = params.get("cursor")
    if cursor is None:
        return NOTHING
    if type(cursor) is not str or len(cursor) > SEALED_CHARS_MAX:
        return _invalid("the cursor is not one of this gate's")
    return Asked(params={"cursor": cursor})


def _read_uri(params: dict[str, JSON]) -> Asked:
    uri = params.get("uri")
    if type(uri) is not str or not uri or not params.keys() <= {"uri", "_meta"}:
        return _invalid("`params` must be a `uri` and nothing else")
    return Asked(uri)


def _read_level(params: dict[str, JSON]) -> Asked:
    if params.get("level") not in LOG_LEVELS:
        return _invalid(f"`level` is one of {', '.join(LOG_LEVELS)}")
    return NOTHING


def _read_completion(params: dict[str, JSON]) -> Asked:
    reference = params.get("ref")
    if not isinstance(reference, dict) or not params.keys() <= _ARGUMENT | {"ref", "_meta"}:
        return _invalid("`params` must be a `ref`, an `argument` and perhaps a `context`")
    kind = reference.get("type")
    name = reference.get("name" if kind == "ref/prompt" else "uri")
    if kind not in ("ref/prompt", "ref/resource") or type(name) is not str or not name:
        return _invalid("`ref` must name a prompt or a resource template")
    arguments = {member: params[member] for member in _ARGUMENT if member in params}
    return Asked(name, arguments, operation=COMPLETE_TEMPLATE if kind == "ref/resource" else None)


def _read_filter(params: dict[str, JSON]) -> Asked:
    """What is of no known kind is not honoured, and so not acknowledged either."""
    wanted = params.get("notifications")
    if not isinstance(wanted, dict):
        return _invalid("`notifications` must say what to listen for")
    if any(type(wanted.get(name, False)) is not bool for name in LISTENABLE):
        return _invalid("a list that may change is wanted or not: true or false")
    uris = wanted.get("resourceSubscriptions", [])
    if not isinstance(uris, list) or len(uris) > SUBSCRIPTIONS_PER_PRINCIPAL_MAX:
        return _invalid(
            f"`resourceSubscriptions` are at most {SUBSCRIPTIONS_PER_PRINCIPAL_MAX} URIs"
        )
    if not all(isinstance(uri, str) and uri for uri in uris):
        return _invalid("`resourceSubscriptions` are URIs")
    return Asked(params=wanted)


def _invalid(shown: str) -> Asked:
    return Asked(refused=Denied(Reason.MALFORMED_REQUEST, shown, shown=shown))


_OTHERS: Final[dict[str, Callable[[dict[str, JSON]], Asked]]] = {
    **dict.fromkeys(_LISTS, _read_list),
    "resources/subscribe": _read_uri,
    "resources/unsubscribe": _read_uri,
    "logging/setLevel": _read_level,
    "completion/complete": _read_completion,
    "subscriptions/listen": _read_filter,
    **dict.fromkeys(FOLLOW_UPS, _read_task),
}
