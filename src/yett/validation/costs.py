"""What one keyword costs on one value, beyond the one unit (about 15 ns) of a simple one. Pure.

Measured on jsonschema-rs 0.60: numbers that are no 64-bit integers are compared as exact fractions,
an `enum` of several kinds is walked through, and `uniqueItems` compares integers beyond 64 bits each
with each. All of that is at a server's, and partly at a caller's, disposal (CWE-407).
"""

from typing import Final

from yett.core.target import JSON

HUGE_INTEGERS_MAX: Final = 100
_LONG_MAX: Final = 2**63 - 1
_BOUNDS: Final = frozenset(
    {
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
        "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
    }
)  # fmt: skip
_REQUIRED: Final = 4
_FRACTION: Final = 100
_FRACTION_LISTED: Final = 150
_MULTIPLE: Final = 200
_EXTREME: Final = 3_000
_NESTED: Final = 20
_FRACTION_VALUE: Final = 40
_HUGE_VALUE: Final = 4_000


def cost_of_keywords(schema: JSON) -> int:
    """Return the units that one schema costs on one value, without its subschemas."""
    if not isinstance(schema, dict):
        return 1
    cost = 1
    if not _BOUNDS.isdisjoint(schema):
        cost += sum(_cost_of_bound(schema[keyword]) for keyword in _BOUNDS & schema.keys())
    if isinstance(multiple := schema.get("multipleOf"), (int, float)):
        cost += _EXTREME if _is_extreme(multiple) else _MULTIPLE * isinstance(multiple, float)
    if isinstance(required := schema.get("required"), list):
        cost += _REQUIRED * len(required)
    if isinstance(dependent := schema.get("dependentRequired"), dict):
        names = dependent.values()
        cost += sum(_REQUIRED * (1 + len(it)) for it in names if isinstance(it, list))
    if "const" in schema:
        cost += _cost_of_constant(schema["const"])
    if isinstance(listed := schema.get("enum"), list) and not _are_alike(listed):
        cost += sum(map(_cost_of_constant, listed))
    return cost


def cost_of_numbers(value: JSON) -> tuple[int, int]:
    """Return the units that the numbers in a value cost beyond one each, and how many of them are
    integers beyond 64 bits."""
    cost = huge = 0
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, float):
            cost += _EXTREME if _is_extreme(item) else _FRACTION_VALUE
        elif isinstance(item, int) and abs(item) > _LONG_MAX:
            cost += _HUGE_VALUE
            huge += 1
    return cost, huge


def _cost_of_bound(bound: JSON) -> int:
    if isinstance(bound, float):
        return _FRACTION
    return _FRACTION * (isinstance(bound, int) and abs(bound) > _LONG_MAX)


def _cost_of_constant(constant: JSON) -> int:
    if isinstance(constant, float):
        return _FRACTION_LISTED
    if isinstance(constant, int) and abs(constant) > _LONG_MAX:
        return _HUGE_VALUE
    if isinstance(constant, dict):
        return _NESTED + sum(_NESTED + _cost_of_constant(item) for item in constant.values())
    if isinstance(constant, list):
        return _NESTED + sum(_NESTED + _cost_of_constant(item) for item in constant)
    return 1


def _are_alike(listed: list[JSON]) -> bool:
    """The compiler looks values of one simple kind up at once."""
    if all(type(item) is str for item in listed):
        return True
    return all(type(item) is int and abs(item) <= _LONG_MAX for item in listed)


def _is_extreme(number: float) -> bool:
    return number != 0 and not 1e-6 < abs(number) < 1e15  # noqa: PLR2004 - measured
