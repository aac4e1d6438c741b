"""Whether a changed keyword of a schema, or a changed claim, lets through more than before. Pure.

high: whoever approves should understand why. medium: it widens what can be sent, or changes what a model
reads. low: it narrows, or concerns nobody's safety.
"""

from collections.abc import Callable
from typing import Final, Literal

from yett.core.document import encode
from yett.core.target import JSON

Severity = Literal["high", "medium", "low"]
Judgement = tuple[Severity, str]
"""How much it matters, and what it means in words; no words if there is nothing to add."""

_UPPER: Final = frozenset(
    {"maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties", "maxContains"}
)
_LOWER: Final = frozenset(
    {"minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties", "minContains"}
)
_FORMS: Final = frozenset({"pattern", "format", "const", "multipleOf", "uniqueItems", "not"})
_CLOSING: Final = frozenset({"additionalProperties", "unevaluatedProperties", "additionalItems"})
_NAMES_MAX: Final = 8
_SHOWN_CHARS_MAX: Final = 40

# What a server may claim of a tool: what each means, and which value would make a reader careless.
_CLAIMS: Final = {
    "readOnlyHint": ("only reads", True),
    "destructiveHint": ("destroys", False),
    "idempotentHint": ("can be repeated without harm", True),
    "openWorldHint": ("reaches beyond its server", False),
}


def judge_claim(name: str, before: JSON, after: JSON) -> Judgement:
    """Judge a changed member of `annotations`; None stands for one that is not there."""
    if name not in _CLAIMS:
        return "medium", ""
    means, careless = _CLAIMS[name]
    claims = "now claims" if after else "no longer claims"
    # An absent hint has the cautious value (MCP, ToolAnnotations).
    severity: Severity = "high" if after is careless and before is not careless else "medium"
    return severity, f"the server {claims} that it {means}"


def judge_keyword(keyword: str, before: JSON, after: JSON) -> Judgement:
    """Judge a changed keyword of a schema; None stands for one that is not there."""
    judge = _JUDGES.get(keyword)
    return ("medium", "") if judge is None else judge(keyword, before, after)


def names_of(value: JSON) -> list[str]:
    """Return the names in an object or a list, a few of them."""
    names = [item for item in value if isinstance(item, str)] if isinstance(value, (dict, list)) else []  # fmt: skip
    more = [f"{len(names) - _NAMES_MAX} more"] if len(names) > _NAMES_MAX else []
    return names[:_NAMES_MAX] + more


def _bound(keyword: str, before: JSON, after: JSON) -> Judgement:
    if after is None:
        return "high", f"bound removed: {keyword} was {_shown(before)}"
    if before is None:
        return "low", f"bound added: {keyword} {_shown(after)}"
    if not _is_number(before) or not _is_number(after):
        return "medium", ""
    looser = after > before if keyword in _UPPER else after < before
    what = f"{keyword} {_shown(before)} -> {_shown(after)}"
    return ("medium", f"bound loosened: {what}") if looser else ("low", f"bound tightened: {what}")


def _closing(keyword: str, before: JSON, after: JSON) -> Judgement:
    if before is False:
        return "high", f"opened: {keyword} is no longer refused"
    if after is False:
        return "low", f"closed: {keyword} is refused"
    return "medium", ""


def _listed(_: str, before: JSON, after: JSON) -> Judgement:
    if after is None:
        return "high", "any value is allowed now"
    if before is None:
        return "low", "only some values are allowed now"
    if not isinstance(before, list) or not isinstance(after, list):
        return "medium", ""
    old, new = {encode(item) for item in before}, {encode(item) for item in after}
    if new - old:
        return "medium", f"loosened: {len(new - old)} more values are allowed"
    return "low", f"tightened: {len(old - new)} values are no longer allowed"


def _required(_: str, before: JSON, after: JSON) -> Judgement:
    old = before if isinstance(before, list) else []
    new = after if isinstance(after, list) else []
    added = [name for name in new if name not in old]
    if added:
        return "medium", f"now required: {', '.join(f'`{name}`' for name in names_of(added))}"
    gone = [name for name in old if name not in new]
    return "low", f"no longer required: {', '.join(f'`{name}`' for name in names_of(gone))}"


def _form(keyword: str, before: JSON, after: JSON) -> Judgement:
    if after is None:
        return "high", f"loosened: {keyword} is gone"
    if before is None:
        return "low", f"tightened: {keyword} added"
    return "medium", f"{keyword} changed"


def _typed(_: str, before: JSON, after: JSON) -> Judgement:
    if after is None:
        return "high", "any type is allowed now"
    if before is None:
        return "low", "only one type is allowed now"
    old, new = _types(before), _types(after)
    if new > old:
        return "medium", f"loosened: {', '.join(sorted(new - old))} is allowed as well"
    return (
        ("low", "tightened: fewer types are allowed") if new < old else ("medium", "another type")
    )


def _default(_: str, before: JSON, after: JSON) -> Judgement:
    del before, after
    return "medium", "another value is taken when none is given"


def _types(value: JSON) -> set[str]:
    return {str(item) for item in value} if isinstance(value, list) else {str(value)}


def _is_number(value: JSON) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(value: JSON) -> str:
    return encode(value).decode()[:_SHOWN_CHARS_MAX]


_JUDGES: Final[dict[str, Callable[[str, JSON, JSON], Judgement]]] = {
    **dict.fromkeys(_UPPER | _LOWER, _bound),
    **dict.fromkeys(_CLOSING, _closing),
    **dict.fromkeys(_FORMS, _form),
    "enum": _listed,
    "required": _required,
    "type": _typed,
    "default": _default,
}
