"""Random policies about rows and random rows, for the tests that ask Cedar itself.

Each condition is written twice. `plain` is what an operator writes. `strict` says the same and errs where a
field has another type than what it is compared with: Cedar's own `==` is false there, and `contains`, too;
the gate does not show such a row at all.
"""

from random import Random
from typing import Any, Final, NamedTuple

FIELDS: Final = ("tenant", "owner", "level", "open", "place")
_TEXTS: Final = ("acme", "globex", "a*b", "", "Ünïcode")
_NUMBERS: Final = (-1, 0, 3, 9_223_372_036_854_775_807)
_ODD: Final[tuple[Any, ...]] = (
    None, "acme", "3", 3, 0, True, False, 5.0, 2.5, 2**63, [], ["acme"], {}, {"tenant": "acme"},
)  # fmt: skip
_PATTERNS: Final = ("*", "a*", "*e", "a\\*b", "a*m*", "acme", "*c*e", "")


class Condition(NamedTuple):
    plain: str
    strict: str


class RowPolicy(NamedTuple):
    id: str
    effect: str
    head: str
    conditions: tuple[tuple[str, Condition], ...]

    def text(self, *, strict: bool) -> str:
        tail = "".join(
            f"\n{kind} {{ {condition.strict if strict else condition.plain} }}"
            for kind, condition in self.conditions
        )
        return f'@id("{self.id}") {self.effect}({self.head}){tail};'


def some_row_policies(chance: Random) -> list[RowPolicy]:
    return [
        RowPolicy(
            f"p{number}",
            chance.choice(["permit", "permit", "permit", "forbid"]),
            ", ".join([chance.choice(_PRINCIPALS), _ACTION, chance.choice(_RESOURCES)]),
            tuple(
                (chance.choice(["when", "unless"]), _condition(chance, 3))
                for _ in range(chance.choice([0, 1, 1, 1, 2]))
            ),
        )
        for number in range(chance.randrange(0, 6))
    ]


_ACTION: Final = 'action == Action::"row"'
_PRINCIPALS: Final = (
    "principal", "principal", 'principal in Role::"clerk"', 'principal in Role::"boss"', 'principal == Key::"k1"',
    'principal in Tenant::"acme"', "principal is Key", 'principal is Key in Role::"clerk"',
)  # fmt: skip
_RESOURCES: Final = (
    "resource", "resource", 'resource in Tool::"crm/list"', 'resource in Server::"crm"', "resource is Row",
    'resource is Row in Tool::"crm/list"', 'resource in Server::"other"',
)  # fmt: skip


def some_row(chance: Random, *, odd: bool) -> dict[str, Any]:
    """odd: fields may be missing, or of another type."""
    row: dict[str, Any] = {
        "tenant": chance.choice(_TEXTS),
        "owner": chance.choice(_TEXTS),
        "level": chance.choice(_NUMBERS),
        "open": chance.choice([True, False]),
        "place": {"tenant": chance.choice(_TEXTS), "level": chance.choice(_NUMBERS), "open": chance.choice([True, False])},
    }  # fmt: skip
    if odd:
        for name in FIELDS:
            fate = chance.randrange(6)
            if fate == 0:
                del row[name]
            elif fate == 1:
                row[name] = chance.choice(_ODD)
        if isinstance(row.get("place"), dict) and chance.randrange(3) == 0:
            row["place"] = {"tenant": chance.choice(_ODD)}
    return row


def _condition(chance: Random, depth: int) -> Condition:
    if depth == 0 or chance.randrange(3) == 0:
        return chance.choice(_LEAVES)(chance)
    left, right = _condition(chance, depth - 1), _condition(chance, depth - 1)
    match chance.randrange(5):
        case 0:
            return Condition(f"!({left.plain})", f"!({left.strict})")
        case 1:
            other = _condition(chance, depth - 1)
            return Condition(
                f"(if {left.plain} then {right.plain} else {other.plain})",
                f"(if {left.strict} then {right.strict} else {other.strict})",
            )
        case 2 | 3:
            return Condition(f"({left.plain} && {right.plain})", f"({left.strict} && {right.strict})")  # fmt: skip
        case _:
            return Condition(f"({left.plain} || {right.plain})", f"({left.strict} || {right.strict})")  # fmt: skip


def _text(chance: Random) -> Condition:
    field = chance.choice(["resource.tenant", "resource.owner", "resource.place.tenant"])
    value = chance.choice([*map(_quoted, _TEXTS), "principal.tenant", "context.environment"])
    operator = chance.choice(["==", "!="])
    plain = chance.choice([f"{field} {operator} {value}", f"{value} {operator} {field}"])
    return Condition(plain, f'(({field} like "*") && ({plain}))')


def _number(chance: Random) -> Condition:
    field = chance.choice(["resource.level", "resource.place.level"])
    value = chance.choice(_NUMBERS)
    operator = chance.choice(["==", "!=", "<", "<=", ">", ">="])
    plain = chance.choice([f"{field} {operator} {value}", f"{value} {operator} {field}"])
    return Condition(plain, f"(({field} <= 9223372036854775807) && ({plain}))")


def _flag(chance: Random) -> Condition:
    field = chance.choice(["resource.open", "resource.place.open"])
    plain = chance.choice([field, f"!{field}", f"{field} == true", f"{field} != true", f"false == {field}"])  # fmt: skip
    return Condition(plain, f"(({field} || true) && ({plain}))")


def _one_of(chance: Random) -> Condition:
    if chance.randrange(2):
        plain = f"[{', '.join(map(_quoted, chance.sample(_TEXTS, 2)))}].contains(resource.tenant)"
        return Condition(plain, f'((resource.tenant like "*") && {plain})')
    plain = f"[{', '.join(map(str, chance.sample(_NUMBERS, 2)))}].contains(resource.level)"
    return Condition(plain, f"((resource.level <= 9223372036854775807) && {plain})")


def _like(chance: Random) -> Condition:
    field = chance.choice(["resource.tenant", "resource.place.tenant", "principal.tenant"])
    plain = f'{field} like "{chance.choice(_PATTERNS)}"'
    return Condition(plain, plain)


def _has(chance: Random) -> Condition:
    plain = chance.choice(
        ["resource has tenant", "resource has place", "resource.place has tenant", "resource has place.tenant",
         "principal has tenant", "resource has nothing", 'resource has "two words"', "context has environment", "action has name"]
    )  # fmt: skip
    return Condition(plain, plain)


def _known(chance: Random) -> Condition:
    plain = chance.choice(
        ['principal in Role::"boss"', 'principal == Key::"k1"', 'principal in [Key::"k9", Tenant::"acme"]',
         "principal is Key", 'resource in Tool::"crm/list"', 'resource is Row in Server::"crm"', "true", "false",
         'action == Action::"row"', 'principal.tenant == "acme"', 'principal != Key::"k2"', "1 < 2",
         '["acme"].contains(principal.tenant)', "context.environment == principal.environment"]
    )  # fmt: skip
    return Condition(plain, plain)


_LEAVES: Final = (_text, _text, _number, _number, _flag, _one_of, _like, _has, _known)


def _quoted(text: str) -> str:
    return f'"{text}"'
