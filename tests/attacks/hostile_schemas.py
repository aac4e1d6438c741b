"""Schemas that are written to cost whoever judges them: time, memory, or a request to somewhere."""

from typing import Any, Final

Schema = dict[str, Any]
_LETTERS: Final = r"\p{L}"


def of_object(**more: Any) -> Schema:
    return {"type": "object", **more}


def with_patterns(*patterns: str) -> Schema:
    return of_object(properties={f"a{n}": {"pattern": p} for n, p in enumerate(patterns)})


def maze(seed: int, size: int = 120) -> Schema:
    """A few kilobytes in which everything leads everywhere."""
    places: dict[str, Any] = {
        f"d{n}": {
            "anyOf": [{"$ref": f"#/$defs/e{m}"} for m in range(3)],
            "properties": {f"k{m}": {"$ref": f"#/$defs/d{(n * 31 + m) % size}"} for m in range(3)},
        }
        for n in range(size)
    }
    places |= {f"e{m}": {"properties": {f"z{seed}": {"$ref": f"#/$defs/d{m}"}}} for m in range(3)}
    return of_object(**{"$ref": "#/$defs/d0", "$defs": places})


def doubling(times: int) -> Schema:
    parts: Schema = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(times)}
    return of_object(**{"$ref": "#/$defs/d0", "$defs": parts | {f"d{times}": {}}})


def deep(levels: int) -> Schema:
    schema: Schema = {"type": "string"}
    for _ in range(levels):
        schema = of_object(properties={"a": schema})
    return schema


def named(count: int, schema: Any) -> Schema:
    return {f"a{n}": schema for n in range(count)}


HOSTILE: Final[dict[str, Schema]] = {
    "backtracking": with_patterns("^(a+)+$"),
    "counted": with_patterns("((((a{10}){10}){10}){10}){10}"),
    "many counted": with_patterns(*(f"(a|b|[c-z]){{900}}{n}" for n in range(64))),
    "many unicode": with_patterns(*(rf"\w{{40}}{_LETTERS}{{20}}{n}" for n in range(64))),
    "many classes": with_patterns(*(rf"{_LETTERS}{{4}}[\p{{Greek}}&&\p{{Lu}}]{{20}}{n}" for n in range(64))),
    "insensitive": with_patterns(*(f"(?i){_LETTERS}{{30}}{n}" for n in range(64))),
    "long pattern": with_patterns("|".join(f"x{n}" for n in range(30_000))),
    "long patterns": with_patterns(*(f"{m}" + "|".join(f"x{n}" for n in range(600)) for m in range(60))),
    "letters": with_patterns(_LETTERS * 3_200),
    "class of classes": with_patterns("[" + rf"\P{{L}}{_LETTERS}" * 1_500 + "]"),
    "groups": with_patterns("(a" * 200 + ")*" * 200),
    "nothing": with_patterns("(?:){1000}{1000}" * 500),
    "look behind": with_patterns("(?<=a{1000})b"),
    "names": of_object(patternProperties={f"^a{n}(b|c){{50}}$": {} for n in range(64)}),
    "doubling": doubling(30),
    "doubling once more": doubling(60),
    "itself": {"type": "object", "$ref": "#"},
    "itself by every name": of_object(properties=named(2_000, {"$ref": "#"})),
    "itself in every way": of_object(properties={"a": {"anyOf": [{"$ref": "#"}] * 1_000}}),
    "itself and more": of_object(properties=named(900, {"$ref": "#", "properties": {"x": {}}})),
    "itself, dynamically": of_object(**{"$dynamicAnchor": "x", "properties": named(1_500, {"$dynamicRef": "#x"})}),
    "many anchors": of_object(**{"$defs": {f"q{n}": {"$id": f"u{n}", "$dynamicAnchor": "x"} for n in range(1_000)}, "properties": named(100, {"$dynamicRef": "u1#x"})}),
    "many documents": of_object(**{"$defs": {f"q{n}": {"$id": f"urn:x:{n}", "$ref": f"urn:x:{(n + 1) % 1_500}"} for n in range(1_500)}}),
    "maze": maze(1),
    "large maze": maze(1, 300),
    "deep": deep(40),
    "wide": of_object(properties={f"a{n}": {"type": "string", "maxLength": n} for n in range(1_200)}),
    "unique": of_object(properties={"a": {"type": "array", "uniqueItems": True}}),
    "unevaluated": of_object(allOf=[{"properties": {f"a{n}_{m}": {} for n in range(20)}} for m in range(60)], unevaluatedProperties=False),
    "long list": of_object(properties={"a": {"enum": [{"k": [n]} for n in range(1_500)]}}),
    "long text": of_object(properties={"a": {"const": "x" * 200_000}}),
    "tiny fraction": of_object(properties={"a": {"multipleOf": 1e-300}}),
    "required": of_object(required=[f"a{n}" for n in range(2_400)]),
    "dependent": of_object(dependentRequired={f"a{n}": [f"b{n}"] for n in range(2_000)}),
    "one of many": of_object(properties={"a": {"oneOf": [{"properties": {"b": {"oneOf": [{"const": m} for m in range(30)]}}} for _ in range(60)]}}),
    "file": of_object(properties={"a": {"$ref": "file:///etc/passwd"}}),
    "unknown dialect": of_object(**{"$schema": "https://json-schema.org/draft/2019-09/schema"}),
}  # fmt: skip
