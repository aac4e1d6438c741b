"""Schemas come from strangers: what is refused, what is closed, and that nothing hangs."""

import contextlib
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from yett.core.bounds import SCHEMA_DEPTH_MAX, SCHEMA_NODES_MAX, SCHEMA_PATTERNS_MAX
from yett.validation.references import SchemaRefused
from yett.validation.schema import compile_any, compile_schema

DRAFT7 = "http://json-schema.org/draft-07/schema#"


def fits(schema: Any, value: Any, *, open_: bool = False) -> bool:
    return compile_schema(schema, open_=open_).first_problem(value) is None


def refusal(schema: Any) -> str:
    with pytest.raises(SchemaRefused) as caught:
        compile_schema(schema, open_=False)
    return caught.value.problem


def of(**keywords: Any) -> dict[str, Any]:
    return {"type": "object"} | keywords


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schema",
    [
        None,
        True,
        False,
        {},
        [],
        "object",
        1,
        {"type": "string"},
        {"type": ["object", "null"]},
        {"properties": {}},
    ],
    ids=repr,
)
def test_arguments_need_a_schema_of_an_object(schema: Any) -> None:
    assert "object" in refusal(schema)


@pytest.mark.parametrize(
    "reference",
    [
        "http://127.0.0.1:1/x",
        "https://example.com/schema#/$defs/a",
        "file:///etc/passwd",
        "//evil.example/x",
        "other.json",
        "../x",
        "urn:example:x",
        "data:application/json,{}",
        "HTTP://127.0.0.1:1/x#frag",
        "#nowhere",
        "#/$defs/absent",
        "#/type",
        "#/required/7",
        "#/required/x",
    ],
)
@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
@pytest.mark.parametrize("place", ["properties", "$defs", "allOf", "contentSchema"])
def test_a_reference_that_leads_out_or_nowhere_is_refused_wherever_it_stands(
    reference: str, keyword: str, place: str
) -> None:
    inner: Any = {keyword: reference}
    held = [inner] if place == "allOf" else inner if place == "contentSchema" else {"a": inner}

    assert "reference" in refusal(of(required=["x"]) | {place: held})


def test_no_reference_ever_reaches_the_network() -> None:
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.1)
        port = canary.getsockname()[1]
        hits: list[object] = []

        def listen() -> None:
            with contextlib.suppress(TimeoutError):
                hits.append(canary.accept())

        listener = threading.Thread(target=listen)
        listener.start()
        address = f"http://127.0.0.1:{port}/x"
        for schema in (
            of(properties={"a": {"$ref": address}}),
            of(properties={"a": {"$dynamicRef": address}}),
            of(properties={"a": {"$id": f"{address}/", "$ref": "b"}}),
            of() | {"$schema": address},
            of() | {"$id": address, "$ref": "y"},
        ):
            refusal(schema)
        listener.join()
        assert hits == []


def test_no_reference_reads_a_file(tmp_path: Path) -> None:
    file = tmp_path / "open.json"
    file.write_text("{}")

    assert "reference" in refusal(of(properties={"a": {"$ref": file.as_uri()}}))
    assert "reference" in refusal(of(properties={"a": {"$ref": str(file)}}))


@pytest.mark.parametrize(
    "dialect",
    [
        "http://json-schema.org/draft-04/schema#",
        "https://json-schema.org/draft/2019-09/schema",
        "x",
        "",
        1,
        None,
    ],
)
def test_only_two_dialects_are_judged_by(dialect: Any) -> None:
    assert "dialect" in refusal(of() | {"$schema": dialect})


@pytest.mark.parametrize("pattern", ["(?=a)", "(?<!a)b", "(a)\\1", "[", "(?:\\w{1,1000}){1,1000}"])
@pytest.mark.parametrize("place", ["pattern", "patternProperties"])
def test_a_pattern_that_the_linear_engine_cannot_run_is_no_validation_and_so_no_schema(
    pattern: str, place: str
) -> None:
    schema = (
        of(properties={"a": {"pattern": pattern}})
        if place == "pattern"
        else of(patternProperties={pattern: {}})
    )

    assert "compile" in refusal(schema)


def test_a_keyword_with_a_wrong_value_is_refused() -> None:
    assert "compile" in refusal(of(properties={"a": {"minLength": "x"}}))
    assert "compile" in refusal(of(required="a"))
    assert "compile" in refusal(of(properties={"a": {"type": "text"}}))


def test_an_error_of_compiling_is_one_printable_line() -> None:
    problem = refusal(of(properties={"a": {"pattern": "\x1b[31m\u202e(" + "x" * 5_000}}))

    assert problem.isprintable()
    assert len(problem) < 300


# --- bombs --------------------------------------------------------------------------------------


def chain(length: int, link: Any) -> dict[str, Any]:
    definitions = {f"d{i}": link(f"#/$defs/d{i + 1}") for i in range(length)}
    return of(properties={"a": {"$ref": "#/$defs/d0"}}) | {
        "$defs": definitions | {f"d{length}": {"type": "object"}}
    }


BOMBS: dict[str, Any] = {
    "doubling 2^30": chain(30, lambda to: {"allOf": [{"$ref": to}, {"$ref": to}]}),
    "doubling 2^12": chain(12, lambda to: {"allOf": [{"$ref": to}, {"$ref": to}]})
    | {"$ref": "#/$defs/d0"},
    "doubling 2^30 by anyOf and not": chain(
        30, lambda to: {"anyOf": [{"$ref": to}, {"not": {"$ref": to}}]}
    ),
    "a long chain": chain(1_000, lambda to: {"$ref": to}),
    "itself": of() | {"$ref": "#"},
    "itself in allOf": of(allOf=[{"$ref": "#"}]),
    "a circle of three": of(allOf=[{"$ref": "#/$defs/a"}])
    | {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}},
    "a circle by dynamicRef": of(anyOf=[{"$dynamicRef": "#n"}]) | {"$dynamicAnchor": "n"},
    "too many parts": of(properties={f"p{i}": {"type": "string"} for i in range(SCHEMA_NODES_MAX)}),
    "a huge enum": of(properties={"a": {"enum": list(range(SCHEMA_NODES_MAX))}}),
    "too many patterns": of(
        properties={f"p{i}": {"pattern": f"^{i}$"} for i in range(SCHEMA_PATTERNS_MAX + 1)}
    ),
    "too many pattern properties": of(
        patternProperties={f"^{i}$": {} for i in range(SCHEMA_PATTERNS_MAX + 1)}
    ),
    "wide references": of(allOf=[{"$ref": "#/$defs/w"}] * 400)
    | {"$defs": {"w": {"allOf": [{"type": "object"}] * 400}}},
}


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = of(properties={"a": schema})
    return schema


@pytest.mark.parametrize(
    "schema",
    [*BOMBS.values(), deep(SCHEMA_DEPTH_MAX), deep(1_000)],
    ids=[*BOMBS, "deep", "very deep"],
)
def test_a_bomb_is_refused_at_once(schema: Any) -> None:
    started = time.perf_counter()

    refusal(schema)

    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("way", ["allOf", "anyOf", "oneOf"])
@pytest.mark.parametrize("leaf", [{}, 1])
def test_branches_at_each_level_cost_bounded_time_whatever_the_depth(way: str, leaf: Any) -> None:
    """Asking the compiler where the error is takes 4^14 steps here; it is not asked."""
    compiled = compile_schema(of(properties={"a": {way: [{"$ref": "#"}] * 4}}), open_=False)
    value = leaf
    for _ in range(14):
        value = {"a": value}
    started = time.perf_counter()

    found = compiled.first_problem(value, nodes=15, depth=14)

    assert found is not None
    assert found[0] == ""
    assert time.perf_counter() - started < 0.5


def test_where_finding_the_place_would_take_too_long_it_is_only_said_that_there_is_one() -> None:
    compiled = compile_schema(of(properties={"a": {"anyOf": [{"$ref": "#"}] * 4}}), open_=False)
    value: Any = 1
    for _ in range(8):
        value = {"a": value}
    started = time.perf_counter()

    assert compiled.first_problem(value, nodes=9, depth=8) == ("", "does not fit the schema")
    assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*b", "(?:a?){200}b", "^(\\w+\\s?)*$"])
def test_a_pattern_that_hangs_backtracking_engines_is_judged_in_linear_time(pattern: str) -> None:
    compiled = compile_schema(of(properties={"a": {"pattern": pattern}}), open_=False)
    started = time.perf_counter()

    compiled.first_problem({"a": "a" * 50_000 + "!"})

    assert time.perf_counter() - started < 0.5


def test_unique_items_of_a_full_array_is_judged_in_bounded_time() -> None:
    compiled = compile_schema(of(properties={"a": {"uniqueItems": True}}), open_=False)
    started = time.perf_counter()

    assert compiled.first_problem({"a": [{"n": i, "m": [i]} for i in range(1_000)]}) is None
    assert compiled.first_problem({"a": [{"n": 1}] * 1_000}) is not None
    assert time.perf_counter() - started < 0.5


def test_honest_recursion_works() -> None:
    tree = of(
        properties={
            "value": {"type": "integer"},
            "children": {"type": "array", "items": {"$ref": "#"}},
        }
    )

    assert fits(tree, {"value": 1, "children": [{"value": 2, "children": []}]})
    assert not fits(tree, {"value": 1, "children": [{"value": "2"}]})
    assert not fits(tree, {"children": [{"children": [{"extra": 1}]}]})


def test_any_json_value_may_be_declared_recursively() -> None:
    schema = of(properties={"data": {"$ref": "#/$defs/json"}}) | {
        "$defs": {
            "json": {
                "anyOf": [
                    {"type": ["string", "number", "boolean", "null"]},
                    {"type": "array", "items": {"$ref": "#/$defs/json"}},
                    {"type": "object", "additionalProperties": {"$ref": "#/$defs/json"}},
                ]
            }
        }
    }
    value: Any = {"deep": 1}
    for _ in range(7):
        value = {"a": [value]}

    assert fits(schema, {"data": value})


# --- references that stay inside ---------------------------------------------------------------


@pytest.mark.parametrize(
    "schema",
    [
        of(properties={"a": {"$ref": "#/$defs/n"}}) | {"$defs": {"n": {"type": "integer"}}},
        of(properties={"a": {"$ref": "#/definitions/n"}}, definitions={"n": {"type": "integer"}}),
        of(properties={"a": {"$ref": "#num"}})
        | {"$defs": {"n": {"$anchor": "num", "type": "integer"}}},
        of(properties={"a": {"$dynamicRef": "#num"}})
        | {"$defs": {"n": {"$dynamicAnchor": "num", "type": "integer"}}},
        of(properties={"a": {"$ref": "n"}})
        | {"$id": "https://e.example/s", "$defs": {"n": {"$id": "n", "type": "integer"}}},
        of(properties={"a": {"$ref": "#/$defs/x~1y~0z%25"}})
        | {"$defs": {"x/y~z%": {"type": "integer"}}},
        of(properties={"a": {"$ref": "#/x-shared/0"}}) | {"x-shared": [{"type": "integer"}]},
        of(properties={"a": {"$ref": "#num"}})
        | {"$schema": DRAFT7, "definitions": {"n": {"$id": "#num", "type": "integer"}}},
        of(properties={"a": {"$ref": "#/definitions/n"}})
        | {"$schema": DRAFT7, "definitions": {"n": {"type": "integer"}}},
    ],
    ids=range(9),
)
def test_a_reference_inside_the_document_is_followed(schema: Any) -> None:
    assert fits(schema, {"a": 1})
    assert not fits(schema, {"a": "1"})


def test_words_that_look_like_references_in_data_are_data() -> None:
    schema = of(
        properties={"a": {"enum": [{"$ref": "http://x/"}], "default": {"$id": "http://y/"}}}
    )

    assert fits(schema, {"a": {"$ref": "http://x/"}})


def test_the_metaschema_may_be_named_since_nothing_is_fetched_for_it() -> None:
    schema = of(properties={"schema": {"$ref": "https://json-schema.org/draft/2020-12/schema"}})

    assert fits(schema, {"schema": {"type": "string"}})
    assert not fits(schema, {"schema": {"type": "text"}})


# --- closing ------------------------------------------------------------------------------------

A = {"a": {"type": "integer"}}
B = {"b": {"type": "integer"}}


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (of(), {}, {"x": 1}),
        (of(properties=A), {"a": 1}, {"a": 1, "x": 1}),
        (of(properties=A), {}, {"__proto__": 1}),
        (of(properties=A, patternProperties={"^x-": {}}), {"a": 1, "x-1": 2}, {"y": 1}),
        (of(properties=A, allOf=[{"properties": B}]), {"a": 1, "b": 1}, {"x": 1}),
        (of(properties=A, anyOf=[{"properties": B}, {"required": ["a"]}]), {"a": 1}, {"a": 1, "x": 1}),
        (of(oneOf=[{"properties": A, "required": ["a"]}, {"properties": B, "required": ["b"]}]), {"b": 1}, {"b": 1, "x": 1}),
        (of() | {"$ref": "#/$defs/n", "$defs": {"n": {"properties": A}}}, {"a": 1}, {"x": 1}),
        (of(properties=A) | {"if": {"required": ["a"]}, "then": {"properties": B}}, {"a": 1, "b": 1}, {"b": 1}),
        (of(properties=A, dependentSchemas={"a": {"properties": B}}), {"a": 1, "b": 1}, {"b": 1}),
        (of(properties={"o": {"properties": A}}), {"o": {"a": 1}}, {"o": {"x": 1}}),
        (of(properties={"o": {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}}) | {"$defs": {"n": of(properties=A)}}, {"o": {"a": 1}}, {"o": {"x": 1}}),
        (of(properties={"l": {"type": "array", "items": of(properties=A)}}), {"l": [{"a": 1}]}, {"l": [{"a": 1}, {"x": 1}]}),
        (of(properties={"l": {"prefixItems": [of(properties=A)]}}), {"l": [{"a": 1}]}, {"l": [{"x": 1}]}),
        (of(properties={"m": {"additionalProperties": of(properties=A)}}), {"m": {"k": {"a": 1}}}, {"m": {"k": {"x": 1}}}),
        (of(properties={"o": {"$ref": "#/$defs/n"}}) | {"$defs": {"n": of(properties={"p": of(properties=A)})}}, {"o": {"p": {"a": 1}}}, {"o": {"p": {"x": 1}}}),
    ],
    ids=range(16),
)  # fmt: skip
@pytest.mark.parametrize("dialect", ["2020-12", "draft-07"])
def test_what_is_not_declared_is_refused(schema: Any, good: Any, bad: Any, dialect: str) -> None:
    if dialect == "draft-07":
        if {"dependentSchemas", "if"} & schema.keys() or "prefixItems" in str(schema):
            return
        schema = schema | {"$schema": DRAFT7}

    assert fits(schema, good)
    assert not fits(schema, bad)
    assert fits(schema, bad, open_=True)


@pytest.mark.parametrize("said", ["additionalProperties", "unevaluatedProperties"])
def test_what_the_author_says_about_other_properties_is_kept(said: str) -> None:
    schema = of(properties={"o": of(properties=A) | {said: True}}) | {said: {"type": "string"}}

    assert fits(schema, {"o": {"x": 1}, "y": "text"})
    assert not fits(schema, {"y": 1})


def test_an_object_that_declares_nothing_inside_is_a_free_map() -> None:
    assert fits(of(properties={"headers": {"type": "object"}}), {"headers": {"x": 1}})


def test_a_branch_that_says_it_is_open_stays_open() -> None:
    branch = {"properties": A, "additionalProperties": {"type": "integer"}}

    assert fits(of(allOf=[branch]), {"x": 1})
    assert fits(of(allOf=[branch]) | {"$schema": DRAFT7}, {"x": 1})


def test_draft_7_silences_what_stands_beside_a_reference_and_is_still_closed() -> None:
    schema = of(properties={"o": {"$ref": "#/definitions/n", "required": ["zzz"]}}) | {
        "$schema": DRAFT7,
        "definitions": {"n": of(properties=A, patternProperties={"^x-": {"type": "integer"}})},
    }

    assert fits(schema, {"o": {"a": 1, "x-1": 1}})
    assert not fits(schema, {"o": {"y": 1}})


def test_draft_7_tuples_and_dependencies_are_understood() -> None:
    schema = of(
        properties=A
        | B
        | {"l": {"items": [{"type": "integer"}, of(properties=A)], "additionalItems": False}},
        dependencies={"a": ["b"], "b": {"required": ["a"]}},
    ) | {"$schema": DRAFT7}

    assert fits(schema, {"l": [1, {"a": 1}]})
    assert not fits(schema, {"l": [1, {"x": 1}]})
    assert not fits(schema, {"l": [1, {"a": 1}, 2]})
    assert not fits(schema, {"a": 1})


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (of(properties={"o": {"oneOf": [of(properties={"p": of(properties=A)}), of(properties={"p": of(properties=A | B)})]}}), {"o": {"p": {"a": 1, "b": 1}}}),
        (of(properties={"o": {"not": {"properties": {"p": of(properties=A)}}}}), {"o": {"p": {"x": 1}}}),
        (of(properties={"l": {"contains": of(properties=A), "maxContains": 1}}), {"l": [{"x": 1}, {"x": 2}]}),
        (of(properties={"o": {}, "k": {}}) | {"if": {"properties": {"o": of(properties=A)}}, "then": {"required": ["k"]}}, {"o": {"x": 1}}),
    ],
    ids=["oneOf", "not", "contains", "if"],
)  # fmt: skip
def test_closing_never_lets_through_what_the_original_refuses(schema: Any, value: Any) -> None:
    assert not fits(schema, value, open_=True)
    assert not fits(schema, value)


# --- values -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", 1), ("string", None), ("string", ["a"]), ("string", {"a": 1}), ("string", True),
        ("integer", "1"), ("integer", True), ("integer", 1.5), ("integer", None), ("number", "1"),
        ("number", False), ("boolean", 0), ("boolean", "true"), ("array", "a"), ("array", {"0": 1}),
        ("object", []), ("null", 0), ("null", ""),
    ],
)  # fmt: skip
def test_types_are_strict_and_nothing_is_coerced(kind: str, value: Any) -> None:
    assert not fits(of(properties={"a": {"type": kind}}), {"a": value})


@pytest.mark.parametrize("number", [2**63, 2**64, 2**70, -(2**70), 10**300])
def test_integers_of_any_size_are_judged_exactly(number: int) -> None:
    assert fits(of(properties={"n": {"type": "integer"}}), {"n": number})
    assert not fits(of(properties={"n": {"type": "string"}}), {"n": number})
    assert fits(of(properties={"n": {"maximum": number}}), {"n": number})
    assert not fits(of(properties={"n": {"maximum": number}}), {"n": number + 1})


@pytest.mark.parametrize(
    ("declared", "value", "pointer"),
    [
        ({"a": {"type": "string"}}, {"a": 7_777}, "/a"),
        ({"a": {"enum": ["x"]}}, {"a": "hunter2"}, "/a"),
        ({"a": {"const": "x"}}, {"a": "hunter2"}, "/a"),
        ({"a": {"pattern": "^x"}}, {"a": "hunter2"}, "/a"),
        ({"a": {"maxLength": 3}}, {"a": "hunter2"}, "/a"),
        ({"a": {"format": "uri"}}, {"a": "hunter2 hunter2"}, "/a"),
        ({"a": {"not": {}}}, {"a": "hunter2"}, "/a"),
        ({"a": False}, {"a": "hunter2"}, "/a"),
        ({"a": {"anyOf": [{"type": "null"}, {"type": "array"}]}}, {"a": "hunter2"}, "/a"),
        ({"a": {"oneOf": [{}, {}]}}, {"a": "hunter2"}, "/a"),
        ({"a": {"uniqueItems": True}}, {"a": ["hunter2", "hunter2"]}, "/a"),
        ({"a": {"contains": {"type": "null"}}}, {"a": ["hunter2"]}, "/a"),
        ({"a": {"items": {"type": "null"}}}, {"a": [None, "hunter2"]}, "/a/1"),
        ({"a": {"multipleOf": 2}}, {"a": 77_773}, "/a"),
        ({"x/y~z": {"type": "null"}}, {"x/y~z": "hunter2"}, "/x~1y~0z"),
        ({"a": {"properties": {"b": {}}}}, {"a": {"c": "hunter2"}}, "/a/c"),
        ({"a": {"propertyNames": {"maxLength": 1}}}, {"a": {"bc": "hunter2"}}, "/a"),
        ({"a": {"minProperties": 2}}, {"a": {"k": "hunter2"}}, "/a"),
        ({"a": {"dependentRequired": {"k": ["l"]}}}, {"a": {"k": "hunter2"}}, "/a/l"),
        ({"a": {"required": ["b"]}}, {"a": {}}, "/a/b"),
    ],
    ids=range(20),
)
def test_a_finding_says_where_and_what_and_quotes_no_value(
    declared: Any, value: Any, pointer: str
) -> None:
    found = compile_schema(of(properties=declared), open_=False).first_problem(value)

    assert found is not None
    assert found[0] == pointer
    assert 5 < len(found[1]) <= 200
    for part in ("hunter2", "7777", "77773"):
        assert part not in found[1]


def test_a_schema_for_an_answer_may_be_of_any_kind() -> None:
    everything, nothing = True, False
    assert compile_any(everything, open_=True).first_problem(1) is None
    assert compile_any(nothing, open_=True).first_problem(1) is not None
    assert compile_any({"type": "array"}, open_=True).first_problem_of_answer([1]) is None
    with pytest.raises(SchemaRefused):
        compile_any(None, open_=True)


def test_a_recursive_answer_is_measured_before_it_is_judged() -> None:
    schema = of(properties={"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}]}})
    value: Any = {}
    for _ in range(4):
        value = {"a": value}

    assert compile_any(schema, open_=True).first_problem_of_answer(value) is None
    for _ in range(30):
        value = {"a": value}
    assert compile_any(schema, open_=True).first_problem_of_answer(value) == (
        "",
        "is nested too deep for this schema",
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "$id": "http://a[0-1/b", "properties": {"a": {"$ref": "c.json#/x"}}},
        {"type": "object", "$id": "http://a/b", "properties": {"a": {"$ref": "http://[b/c"}}},
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/allOf/" + "9" * 5_000}},
            "allOf": [True],
        },
    ],
)
def test_an_address_that_is_none_is_refused_and_breaks_nothing(schema: dict[str, Any]) -> None:
    """Found by fuzzing."""
    with pytest.raises(SchemaRefused):
        compile_schema(schema, open_=False)
