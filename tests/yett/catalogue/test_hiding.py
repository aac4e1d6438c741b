from typing import Any

from yett.catalogue.hiding import without_hidden


def shown(schema: dict[str, Any], *fields: str) -> Any:
    return without_hidden({"name": "list", "outputSchema": schema}, fields)["outputSchema"]


def rows(row: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "rows": {"type": "array", "items": row} | more,
            "total": {"type": "integer"},
        },
        "required": ["rows", "total"],
    }


def row(*names: str, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}, **more}


def test_a_name_is_hidden_wherever_it_stands() -> None:
    schema = rows({"$ref": "#/$defs/default"}) | {
        "$defs": {"default": row("id", "ssn", required=["id", "ssn"])}
    }
    found = shown(schema, "ssn", "total")

    assert found["$defs"]["default"] == row("id", required=["id"])
    assert found["required"] == ["rows"]
    assert set(found["properties"]) == {"rows"}


def test_a_pointer_hides_what_is_at_its_end() -> None:
    schema = rows(
        {"type": "object", "properties": {"address": row("street", "city", required=["street"])}}
    )
    found = shown(schema, "/address/street")

    assert found["properties"]["rows"]["items"]["properties"]["address"] == row("city", required=[])


def test_where_a_property_was_taken_out_others_are_not_forbidden() -> None:
    found = shown(rows(row("id", "note", additionalProperties=False)), "/note")

    assert "additionalProperties" not in found["properties"]["rows"]["items"]


def test_nobody_is_promised_a_number_of_rows() -> None:
    found = shown(
        rows(row("id"), minItems=1, contains={}, examples=[[{"id": "1"}]], uniqueItems=True)
    )

    assert found["properties"]["rows"] == {"type": "array", "items": row("id"), "uniqueItems": True}


def test_a_property_may_be_called_like_a_keyword() -> None:
    found = shown(row("default", "required", "properties", "minItems"), "minItems")

    assert set(found["properties"]) == {"default", "required", "properties"}


def test_the_approved_definition_stays_as_it_is() -> None:
    definition = {"name": "list", "outputSchema": rows(row("id", "ssn"))}
    before = repr(definition)
    without_hidden(definition, ["ssn", "/id"])

    assert repr(definition) == before
    assert without_hidden({"name": "x"}, ["ssn"]) == {"name": "x"}
