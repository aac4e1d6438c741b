"""How many places a pattern has, and that counting them changes nothing else."""

from typing import Any

import jsonschema_rs
import pytest

from yett.validation.patterns import Counter, counting, most_places, places


@pytest.mark.parametrize(
    ("pattern", "least", "most"),
    [
        ("", 1, 1),
        ("abc", 3, 5),
        ("^[a-z]{1,63}$", 63, 70),
        ("a{70}{70}", 4_900, 5_100),
        ("(?:ab){3}+{1000}", 6_000, 12_000),
        ("(?:(?:a{10}){10}){10}", 1_000, 1_500),
        (r"\p{L}{5}\x{41}", 5, 60),
        ("[^]]{7}", 7, 12),
        ("a{2,}", 2, 4),
        ("x{", 2, 3),
        ("(a", 1, 4),
        ("a){900}", 900, 2_000),
        ("a{999999999}{999999999}", 10**9, 10**9),
    ],
)
def test_places_are_never_counted_too_low(pattern: str, least: int, most: int) -> None:
    assert least <= places(pattern) <= most


def test_the_largest_counts_and_names_count_together() -> None:
    assert most_places({"type": "object"}) == 0
    assert most_places({"properties": {"a": {"pattern": "a{9}"}, "b": {"pattern": "a{50}"}}}) >= 50
    assert most_places({"patternProperties": {"a{30}": {}, "b{30}": {}}}) >= 60
    assert most_places({"items": [{"format": "uri"}]}) > 0


SCHEMA: dict[str, Any] = {
    "$defs": {"p": {"pattern": "^a{3}$"}},
    "properties": {
        "pattern": {"const": {"pattern": "data"}, "$ref": "#/$defs/p"},
        "list": {"prefixItems": [{"pattern": "a"}], "items": {"oneOf": [{"pattern": "b"}]}},
    },
    "unevaluatedProperties": {"pattern": "c"},
    "dependentSchemas": {"x": {"propertyNames": {"pattern": "d"}}},
    "contains": {"pattern": "e"},
    "additionalProperties": False,
}


def test_a_copy_that_counts_judges_nothing_but_the_amount() -> None:
    counter = Counter(10_000)
    validator = jsonschema_rs.Draft202012Validator(counting(SCHEMA), keywords=counter.keyword())
    value = {"pattern": "zzz", "list": ["y", "w", 1], "other": "v", "x": None}

    def judged(sent: dict[str, Any]) -> tuple[bool, bool]:
        counter.begin()
        return validator.is_valid(sent), counter.exhausted

    assert judged(value) == (True, False)
    assert judged({**value, "other": "v" * 10_001}) == (False, True)
    assert judged(value) == (True, False)
