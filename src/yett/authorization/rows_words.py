"""Which rows a caller sees, in words for an operator. Pure."""

import json
from typing import Final

from yett.core.predicate import (
    All,
    Any,
    Compare,
    Has,
    Like,
    Not,
    OneOf,
    Predicate,
    RowRule,
    Scalar,
    Truth,
)

_COMPARISONS: Final = {
    "==": "is", "!=": "is not", "<": "is less than", "<=": "is at most", ">": "is more than", ">=": "is at least",
}  # fmt: skip


def rows_in_words(rule: RowRule) -> str:
    """Return one sentence without its full stop."""
    if not rule.permits:
        return "none: no policy permits any"
    permitted = _either(rule.permits)
    text = "all" if permitted == _ALWAYS else f"those where {permitted}"
    if rule.forbids:
        text += f", except where {_either(rule.forbids)}"
    return text


_ALWAYS: Final = "always"


def _either(parts: tuple[Predicate, ...]) -> str:
    if Truth(holds=True) in parts:
        return _ALWAYS
    texts = [_words(part) for part in parts]
    return texts[0] if len(texts) == 1 else " or ".join(f"({text})" for text in texts)


def _words(part: Predicate) -> str:
    match part:
        case Compare(field, comparison, value):
            return f"{_name(field)} {_COMPARISONS[comparison]} {_value(value)}"
        case OneOf(field, values):
            return f"{_name(field)} is one of {', '.join(map(_value, values))}"
        case Has(field):
            return f"{_name(field)} is there"
        case Like(field, parts):
            return f"{_name(field)} is like {_value('*'.join(parts))}"
        case Not(inner):
            return f"not ({_words(inner)})"
        case All(parts):
            return " and ".join(map(_within, parts))
        case Any(parts):
            return " or ".join(map(_within, parts))
        case Truth(holds):
            return _ALWAYS if holds else "never"
        case _:
            raise TypeError(type(part).__name__)


def _within(part: Predicate) -> str:
    return f"({_words(part)})" if isinstance(part, (All, Any)) else _words(part)


def _name(field: tuple[str, ...]) -> str:
    return f"`{'.'.join(field)}`"


def _value(value: Scalar) -> str:
    return json.dumps(value, ensure_ascii=False)
