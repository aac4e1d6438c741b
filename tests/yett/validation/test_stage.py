"""No argument goes on that the approved definition does not know (promise 3, P21, X07)."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.seals import SEALER
from tests.yett.validation.calls import permitted, tool
from yett.core import bounds
from yett.core.document import encode
from yett.core.errors import Denied, Fault
from yett.core.operations import Kind
from yett.core.proofs import Permitted
from yett.core.reasons import Reason
from yett.validation import SchemaCache, Validator
from yett.validation.arguments import ArgumentsTooLarge, estimate, extent, is_small, measure
from yett.validation.build import build
from yett.validation.config import ArgumentRules
from yett.validation.problems import schema_problem

ECHO = {
    "type": "object",
    "properties": {"message": {"type": "string"}, "any": {}},
    "required": ["message"],
}
ANY = {"type": "object", "additionalProperties": True}


def denied(arguments: dict[str, Any], definition: dict[str, Any], **more: Any) -> Denied:
    with pytest.raises(Denied) as caught:
        Validator(SchemaCache(), SEALER).check(permitted(arguments, definition, **more))
    assert caught.value.reason is Reason.INVALID_INPUT
    assert not caught.value.sent
    return caught.value


def test_arguments_that_fit_go_on_as_they_are() -> None:
    asked = permitted({"message": "hello"}, tool(ECHO))

    validated = Validator(SchemaCache(), SEALER).check(asked)

    assert validated.permitted is asked
    assert validated.arguments is asked.call.arguments


def test_an_argument_that_does_not_fit_is_denied_with_its_place() -> None:
    refusal = denied({"message": 7_777}, tool(ECHO))

    assert refusal.pointer == "/message"
    assert refusal.shown is not None
    assert "7777" not in refusal.shown + refusal.private


def test_an_undeclared_argument_is_denied() -> None:
    assert denied({"message": "a", "admin": True}, tool(ECHO)).pointer == "/admin"


def test_a_missing_argument_is_denied() -> None:
    assert denied({}, tool(ECHO)).pointer == "/message"


def test_the_operator_can_let_undeclared_arguments_through_for_one_tool() -> None:
    cache = SchemaCache()
    stage = build(
        {"demo/echo": ArgumentRules(open=True), "demo/other": ArgumentRules()}, cache, SEALER
    )

    stage.check(permitted({"message": "a", "extra": 1}, tool(ECHO), digest="d"))
    with pytest.raises(Denied):
        stage.check(permitted({"message": "a", "extra": 1}, tool(ECHO), name="other", digest="d"))
    with pytest.raises(Denied):
        stage.check(permitted({"message": 1}, tool(ECHO), digest="d"))


@pytest.mark.parametrize(
    "definition",
    [{}, tool(None), tool([]), tool({"type": "object", "$ref": "http://x/"})],
    ids=repr,
)
def test_a_tool_whose_schema_cannot_be_judged_by_is_not_called(definition: dict[str, Any]) -> None:
    stage = Validator(SchemaCache(), SEALER)

    for _ in range(2):
        with pytest.raises(Fault) as caught:
            stage.check(permitted({}, definition, digest="d"))
        assert caught.value.reason is Reason.INTERNAL_ERROR


def test_a_definition_with_another_digest_never_meets_the_old_schema() -> None:
    stage = Validator(SchemaCache(), SEALER)
    stage.check(permitted({"message": "a"}, tool(ECHO), digest="one"))
    narrower = tool({"type": "object", "properties": {"other": {}}})

    with pytest.raises(Denied):
        stage.check(permitted({"message": "a"}, narrower, digest="two"))


def test_without_a_digest_nothing_is_remembered() -> None:
    stage = Validator(SchemaCache(), SEALER)
    stage.check(permitted({"message": "a"}, tool(ECHO)))

    with pytest.raises(Denied):
        stage.check(permitted({"message": "a"}, tool({"type": "object"})))


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yett.validation.cache.SCHEMAS_COMPILED_MAX", 3)
    cache = SchemaCache()
    stage = Validator(cache, SEALER)

    for number in range(10):
        stage.check(permitted({"message": "a"}, tool(ECHO), digest=str(number)))

    assert [key[0] for key in cache._known] == ["7", "8", "9"]


# --- caps ---------------------------------------------------------------------------------------


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


CAPS: list[tuple[Any, Any, str]] = [
    ("a" * bounds.ARGUMENT_STRING_CHARS_MAX, "a" * (bounds.ARGUMENT_STRING_CHARS_MAX + 1), "/any"),
    ([0] * bounds.ARGUMENT_ARRAY_ITEMS_MAX, [0] * (bounds.ARGUMENT_ARRAY_ITEMS_MAX + 1), "/any"),
    (dict.fromkeys(map(str, range(bounds.ARGUMENT_OBJECT_KEYS_MAX))),
     dict.fromkeys(map(str, range(bounds.ARGUMENT_OBJECT_KEYS_MAX + 1))), "/any"),
    ({"k" * bounds.ARGUMENT_STRING_CHARS_MAX: 1}, {"k" * (bounds.ARGUMENT_STRING_CHARS_MAX + 1): 1}, "/any"),
    (nested(bounds.ARGUMENT_DEPTH_MAX - 1), nested(bounds.ARGUMENT_DEPTH_MAX), "/any" + "/0" * bounds.ARGUMENT_DEPTH_MAX),
    (["a" * 100_000] * 10, ["a" * 100_000] * 11, ""),
    (["\x00" * 100_000] * 1, ["\x00" * 100_000] * 2, ""),
    ([[0] * 1_000] * 500, [[0] * 1_000] * 600, ""),
    ([10**300] * 90, [[10**300] * 1_000] * 4, ""),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "pointer"), CAPS, ids=range(len(CAPS)))
def test_the_caps_hold_whatever_the_schema_says(good: Any, bad: Any, pointer: str) -> None:
    Validator(SchemaCache(), SEALER).check(permitted({"message": "a", "any": good}, tool(ECHO)))

    refusal = denied({"any": bad}, tool(ANY))

    assert refusal.pointer == pointer
    assert refusal.shown is not None
    assert refusal.shown.startswith(("the value is ", "the value has "))


def test_the_outermost_object_has_caps_too() -> None:
    many = dict.fromkeys(map(str, range(bounds.ARGUMENT_OBJECT_KEYS_MAX + 1)))

    assert denied(many, tool(ANY)).pointer == ""
    assert denied({"k" * (bounds.ARGUMENT_STRING_CHARS_MAX + 1): 1}, tool(ANY)).pointer == ""


def test_a_flood_of_tiny_values_ends_early() -> None:
    assert denied({"a": [[[]] * 1_000] * 1_000}, tool(ANY)).pointer == ""


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=18))
def test_short_cut_and_estimate_are_never_below_the_measure(arguments: dict[str, Any]) -> None:
    nodes, depth = measure(arguments)
    estimated = estimate(arguments)

    assert (nodes, depth) == extent(arguments)
    assert estimated is None or (estimated[0] >= nodes and estimated[1] >= depth)
    if is_small(arguments):
        assert depth <= 1
        assert nodes <= 17
        assert len(encode(arguments)) <= bounds.ARGUMENT_BYTES_MAX


@given(st.integers(0, 20), st.integers(0, 300), st.sampled_from([1, 99_000, 110_000]))
def test_an_estimate_lets_nothing_pass_that_a_cap_refuses(
    depth: int, width: int, length: int
) -> None:
    inside: list[Any] = [nested(depth), dict.fromkeys(map(str, range(width))), "x" * length]
    arguments = {"any": inside, "wide": [0] * width * 4}
    try:
        measure(arguments)
    except ArgumentsTooLarge:
        assert estimate(arguments) is None


def test_many_small_objects_are_judged_without_measuring() -> None:
    rows = [{"id": number, "tags": ["a", "b"]} for number in range(40)]
    schema = {
        "type": "object",
        "properties": {"rows": {"items": {"properties": {"id": {}, "tags": {}}}}},
    }

    assert estimate({"rows": rows}) is not None
    Validator(SchemaCache(), SEALER).check(permitted({"rows": rows}, tool(schema)))
    assert denied({"rows": [*rows, {"x": 1}]}, tool(schema)).pointer == "/rows/40/x"


def test_a_steep_schema_is_judged_by_the_exact_size() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"anyOf": [{"$ref": "#"}] * 4}, "n": {}},
    }
    value: Any = {"n": [[]] * 20}
    for _ in range(5):
        value = {"a": value}

    Validator(SchemaCache(), SEALER).check(permitted(value, tool(schema)))
    for _ in range(8):
        value = {"a": value}
    assert "nested too deep" in (denied(value, tool(schema)).shown or "")


def test_the_largest_small_arguments_are_within_every_cap() -> None:
    texts: list[dict[str, Any]] = [
        {"a": "x" * 99_992},
        {"x" * 99_993: ""},
        {str(number): 10**300 for number in range(16)},
    ]
    for largest in texts:
        assert is_small(largest)
        measure(largest)
    too_large: list[dict[str, Any]] = [
        {"a": "x" * 99_993},
        {"a": "\x00" * 20_000},
        {"a": []},
        {"a": {}},
        dict.fromkeys(map(str, range(17))),
    ]
    for larger in too_large:
        assert not is_small(larger)


@given(st.dictionaries(st.sampled_from(["message", "any", "other"]), VALUES, max_size=3))
def test_a_look_at_few_arguments_says_what_a_closer_look_says(arguments: dict[str, Any]) -> None:
    few, closer = Validator(SchemaCache(), SEALER), Validator(SchemaCache(), SEALER)
    asked, other = permitted(arguments, tool(ECHO)), permitted(arguments, tool(ECHO))
    known = closer._prepare(other.target)
    other.standing.validation = msgspec.structs.replace(known, fit=None)

    assert outcome(few, asked) == outcome(closer, other)


def outcome(stage: Validator, asked: Permitted) -> object:
    try:
        validated = stage.check(asked)
    except Denied as denied:
        return denied.reason, denied.pointer, denied.shown
    return validated.arguments, validated.encoded


def test_what_came_as_it_is_sent_on_is_not_encoded_again() -> None:
    asked = permitted({"message": "hello"}, tool(ECHO))
    came = msgspec.structs.replace(asked.call, encoded=b'{"message":"hello"}')

    validated = Validator(SchemaCache(), SEALER).check(msgspec.structs.replace(asked, call=came))

    assert validated.encoded is came.encoded


def test_a_long_name_is_cut_in_the_pointer() -> None:
    error = ArgumentsTooLarge(("k" * 5_000, 3), "is too long")

    assert error.pointer == "/" + "k" * 200 + "/3"


# --- prompts and resources ----------------------------------------------------------------------

PROMPT = {"name": "review", "arguments": [{"name": "code", "required": True}, {"name": "style"}]}


def test_a_prompt_takes_its_declared_strings() -> None:
    stage = Validator(SchemaCache(), SEALER)

    stage.check(permitted({"code": "x"}, PROMPT, kind=Kind.PROMPT))
    stage.check(permitted({"code": "x" * 50_000, "style": "y"}, PROMPT, kind=Kind.PROMPT))
    stage.check(permitted({}, {"name": "bare"}, kind=Kind.PROMPT))


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [
        ({}, "/code"),
        ({"code": 1}, "/code"),
        ({"code": None}, "/code"),
        ({"code": ["x"]}, "/code"),
        ({"code": "x", "a/b": "y"}, "/a~1b"),
        ({"code": "x" * 100_001}, "/code"),
    ],
)
def test_a_prompt_takes_nothing_else(arguments: dict[str, Any], pointer: str) -> None:
    assert denied(arguments, PROMPT, kind=Kind.PROMPT).pointer == pointer


@pytest.mark.parametrize("declared", [{"code": {}}, ["code"], [{"title": "x"}], [{"name": 1}]])
def test_a_malformed_prompt_is_not_called(declared: Any) -> None:
    with pytest.raises(Fault):
        Validator(SchemaCache(), SEALER).check(
            permitted({}, {"arguments": declared}, kind=Kind.PROMPT)
        )


@pytest.mark.parametrize("kind", [Kind.RESOURCE, Kind.RESOURCE_TEMPLATE])
def test_a_resource_takes_a_bounded_uri_and_no_arguments(kind: Kind) -> None:
    Validator(SchemaCache(), SEALER).check(permitted({}, {}, kind=kind, name="file:///a/b"))

    denied({"a": 1}, {}, kind=kind, name="file:///a")
    denied({}, {}, kind=kind, name="file:///" + "a" * bounds.URI_CHARS_MAX)
    for name in ("file:///a b", "file:///a\nb", "file:///a\x00", "file:///\u202ea", "x:\x7f"):
        denied({}, {}, kind=kind, name=name)


# --- for the other packages ---------------------------------------------------------------------


def test_a_definition_is_checked_before_it_is_approved() -> None:
    assert schema_problem(tool(ECHO)) is None
    assert schema_problem(tool(ECHO, outputSchema={"type": "array"})) is None
    assert "object" in (schema_problem({}) or "")
    assert "reference" in (schema_problem(tool(ECHO, outputSchema={"$ref": "file:///x"})) or "")
    assert schema_problem(tool(ECHO, outputSchema=None)) is not None


def test_a_structured_answer_must_fit_its_declared_schema() -> None:
    stage = Validator(SchemaCache(), SEALER)
    asked = permitted(
        {}, tool(ECHO, outputSchema={"type": "object", "properties": {"n": {"type": "integer"}}})
    )

    assert stage.output_problem(asked.target, {"n": 1, "more": True}) is None
    problem = stage.output_problem(asked.target, {"n": "hunter2"})
    assert problem is not None
    assert problem.startswith("structuredContent/n ")
    assert "hunter2" not in problem


def test_an_answer_without_a_declared_schema_has_no_problem() -> None:
    assert (
        Validator(SchemaCache(), SEALER).output_problem(permitted({}, tool(ECHO)).target, {"n": 1})
        is None
    )


def test_an_output_schema_that_cannot_be_judged_by_is_a_problem() -> None:
    asked = permitted({}, tool(ECHO, outputSchema={"$ref": "http://x/"}))

    assert "outputSchema" in (
        Validator(SchemaCache(), SEALER).output_problem(asked.target, {}) or ""
    )
