"""What the gate sets itself is asked of nobody, and the approved definition stays as it is."""

import copy
from typing import Any

from yett.catalogue.forcing import without_forced

TEXT = {"type": "string"}
DEFINITION: dict[str, Any] = {
    "name": "rows",
    "inputSchema": {
        "type": "object",
        "properties": {
            "tenant": TEXT,
            "limit": {"type": "integer"},
            "where": {
                "type": "object",
                "properties": {"tenant": TEXT, "id": TEXT},
                "required": ["tenant", "id"],
            },
        },
        "required": ["tenant", "limit"],
        "allOf": [{"properties": {"tenant": {"minLength": 1}}, "required": ["tenant"]}],
        "additionalProperties": False,
    },
}


def test_the_argument_is_gone_and_everything_else_is_there() -> None:
    before = copy.deepcopy(DEFINITION)

    shown = without_forced(DEFINITION, [("tenant",), ("where", "tenant")])["inputSchema"]

    assert list(shown["properties"]) == ["limit", "where"]
    assert shown["required"] == ["limit"]
    assert shown["allOf"] == [{"properties": {}, "required": []}]
    assert shown["properties"]["where"]["properties"] == {"id": TEXT}
    assert shown["properties"]["where"]["required"] == ["id"]
    assert shown["additionalProperties"] is False
    assert before == DEFINITION


def test_a_name_elsewhere_is_another_argument() -> None:
    schema = without_forced(DEFINITION, [("tenant",)])["inputSchema"]

    assert schema["properties"]["where"] == DEFINITION["inputSchema"]["properties"]["where"]


def test_what_is_no_schema_stays_as_it_is() -> None:
    schemas: tuple[Any, ...] = (None, True, [], {"properties": [], "required": "x", "allOf": {}})
    for schema in schemas:
        odd = {"name": "x", "inputSchema": schema}
        assert without_forced(odd, [("tenant",), ("a", "b")]) == odd
