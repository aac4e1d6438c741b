"""What is declared about arguments holds for every call of the tool, and for nothing else."""

from typing import Any

import msgspec
import pytest

from tests.seals import SEALER
from tests.yett.validation.calls import permitted, tool
from yett.core.document import encode
from yett.core.errors import ConfigurationError, Denied, Fault
from yett.core.proofs import Validated
from yett.core.reasons import Reason
from yett.validation import SchemaCache
from yett.validation.build import build, declaration_problem
from yett.validation.config import ArgumentRules, Arguments
from yett.validation.kinds.build import guarding_of
from yett.validation.kinds.places import place_of

TEXT = {"type": "string"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"anyOf": [TEXT, {"type": "null"}]},
        "paths": {"type": "array", "items": TEXT},
        "any": {},
        "deep": {
            "type": "object",
            "properties": {
                "a/b": TEXT,
                "list": {"type": "array", "items": {"$ref": "#/$defs/item"}},
                "tenant": TEXT,
            },
        },
        "tenant": TEXT,
        "command": {"type": "array"},
        "named": {"type": "object", "additionalProperties": {"properties": {"file": TEXT}}},
        "one_or_many": {"anyOf": [{"$ref": "#/$defs/item"}, {"items": {"$ref": "#/$defs/item"}}]},
    },
    "required": ["tenant"],
    "$defs": {"item": {"type": "object", "properties": {"file": TEXT}}},
}
PATH = {"kind": "path", "roots": ["/srv"]}


def check(
    arguments: dict[str, Any], rules: dict[str, Any], schema: Any = SCHEMA, *, open_: bool = False
) -> Validated:
    rule = ArgumentRules(open=open_, arguments=msgspec.convert(rules, Arguments))
    stage = build({"demo/echo": rule}, SchemaCache(), SEALER)
    given = permitted(arguments, tool(schema))
    call = msgspec.structs.replace(given.call, encoded=encode(arguments))  # as it came
    validated = stage.check(msgspec.structs.replace(given, call=call))
    assert validated.encoded == encode(validated.arguments)  # what is sent is what was checked
    return validated


def denied(arguments: dict[str, Any], rules: dict[str, Any]) -> tuple[str, str | None]:
    with pytest.raises(Denied) as caught:
        check({"tenant": "t", **arguments}, rules)
    return caught.value.reason.value, caught.value.pointer


def test_what_is_allowed_goes_on_as_the_same_object() -> None:
    arguments = {"tenant": "t", "path": "a", "paths": ["b", "c"], "any": {"x": "../.."}}

    validated = check(arguments, {"path": PATH, "paths": PATH})

    assert validated.arguments is arguments
    assert validated.encoded == b'{"tenant":"t","path":"a","paths":["b","c"],"any":{"x":"../.."}}'


@pytest.mark.parametrize(
    ("name", "arguments", "pointer"),
    [
        ("path", {"path": "../x"}, "/path"),
        ("paths", {"paths": ["a", "../x"]}, "/paths/1"),
        ("/paths/*", {"paths": ["a", "../x"]}, "/paths/1"),
        ("/deep/a~1b", {"deep": {"a/b": "../x"}}, "/deep/a~1b"),
        ("/deep/list/*/file", {"deep": {"list": [{"file": "a"}, {"file": "/x"}]}}, "/deep/list/1/file"),
        ("/named/*/file", {"named": {"a": {"file": "b"}, "c": {"file": "../x"}}}, "/named/c/file"),
        ("/named/*/file", {"named": {"*": {"file": "../x"}}}, "/named/*/file"),
        ("/one_or_many/file", {"one_or_many": {"file": "../x"}}, "/one_or_many/file"),
    ],
)  # fmt: skip
def test_each_place_is_guarded_and_named(
    name: str, arguments: dict[str, Any], pointer: str
) -> None:
    assert denied(arguments, {name: PATH}) == ("argument_denied", pointer)


def test_what_stands_in_a_list_instead_does_not_slip_past_a_guard() -> None:
    """A schema that takes one object or a list of them declares the place once."""
    arguments = {"one_or_many": [{"file": "../x"}]}

    assert denied(arguments, {"/one_or_many/file": PATH}) == ("invalid_input", "/one_or_many")
    assert denied(arguments, {"/one_or_many/*/file": PATH})[0] == "argument_denied"


def test_a_refusal_says_why_and_quotes_nothing() -> None:
    with pytest.raises(Denied) as caught:
        check({"tenant": "t", "path": "/etc/canary"}, {"path": PATH})

    assert caught.value.shown == "the value lies outside of the folders that are allowed"
    assert "canary" not in caught.value.private


@pytest.mark.parametrize("value", [7, True, {"a": "b"}, ["a", 7], [["a"]], ["a", None]])
def test_what_is_no_text_does_not_slip_past_a_guard_of_texts(value: Any) -> None:
    reason, pointer = denied({"any": value}, {"any": PATH})

    assert reason == "invalid_input"
    assert pointer in ("/any", "/any/0", "/any/1")


def test_a_list_that_takes_too_long_to_judge_is_not_sent() -> None:
    """Of texts 256, of statements 16 (CWE-770)."""
    many = {"tenant": "t", "any": ["a"] * 256}

    assert check(many, {"any": PATH}).arguments is many
    assert denied({"any": ["a"] * 257}, {"any": PATH}) == ("invalid_input", "/any")
    assert denied({"any": ["SELECT 1"] * 17}, {"any": "sql"}) == ("invalid_input", "/any")


def test_null_is_as_good_as_nothing_where_the_schema_takes_it() -> None:
    assert check({"tenant": "t", "path": None}, {"path": PATH}).arguments["path"] is None


def test_the_form_of_a_value_is_invalid_input_and_what_it_does_is_argument_denied() -> None:
    """One rule for every kind; docs/reference/reasons.md says the same."""
    assert denied({"any": "x"}, {"any": {"kind": "enum", "values": ["y"]}})[0] == "invalid_input"
    assert denied({"any": "x"}, {"any": {"kind": "pattern", "pattern": "y"}})[0] == "invalid_input"
    assert denied({"any": "xx"}, {"any": {"kind": "max", "most": 1}})[0] == "invalid_input"
    assert denied({"any": "a@@b"}, {"any": "email"})[0] == "invalid_input"
    assert denied({"any": "("}, {"any": "regex"})[0] == "invalid_input"
    assert denied({"any": "{{x}}"}, {"any": "template"})[0] == "argument_denied"
    url = {"kind": "url", "hosts": ["a.example.com"]}
    assert denied({"any": "no url"}, {"any": url})[0] == "argument_denied"


def test_plain_text_is_let_through_whatever_it_says() -> None:
    arguments = {"tenant": "t", "any": "'; DROP TABLE users; -- ../../etc/passwd {{7*7}}"}

    assert check(arguments, {"any": "text"}).arguments is arguments


@pytest.mark.parametrize("name", ["pth", "/deep/pth", "/deep/list/*/pth", "/deep/list/file"])
def test_a_guard_of_what_the_tool_does_not_have_ends_every_call(name: str) -> None:
    with pytest.raises(Fault) as caught:
        check({"tenant": "t"}, {name: PATH})

    assert caught.value.reason is Reason.INTERNAL_ERROR
    assert (
        f"demo/echo has no argument {name if '/' in name else f'/{name}'}" in caught.value.private
    )


def test_an_open_tool_may_be_guarded_where_its_schema_says_nothing() -> None:
    arguments = {"tenant": "t", "more": "a"}

    assert check(arguments, {"more": PATH}, open_=True).arguments is arguments
    with pytest.raises(Denied):
        check({"tenant": "t", "more": "/x"}, {"more": PATH}, open_=True)


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"properties": {"it": TEXT}}]},
        {"anyOf": [{"properties": {"it": TEXT}}, {"properties": {"other": TEXT}}]},
        {"if": {}, "then": {"properties": {"it": TEXT}}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"it": TEXT}}}},
        {"additionalProperties": TEXT},
    ],
)
def test_an_argument_is_found_wherever_the_schema_declares_it(schema: dict[str, Any]) -> None:
    guarding, _ = guarding_of(msgspec.convert({"it": PATH}, Arguments))

    assert guarding.undeclared({"type": "object", **schema}) is None
    assert guarding.undeclared({"type": "object", "properties": {"its": TEXT}}) == "/it"


def test_a_definition_without_the_argument_is_a_problem_of_the_configuration() -> None:
    guarding, _ = guarding_of(msgspec.convert({"pth": PATH}, Arguments))

    problem = declaration_problem("demo/echo", guarding, tool(SCHEMA))

    assert problem is not None
    assert problem.path == ("servers", "demo", "tools", "echo", "arguments")
    assert "`/pth`" in problem.message
    assert "yett tool show demo echo" in problem.fix


@pytest.mark.parametrize(
    ("arguments", "fix"),
    [
        ({"x": "path"}, "{kind: path, roots: [/srv/data]}"),
        ({"x": "url"}, "{kind: url, hosts: "),
        ({"x": {"kind": "enum"}}, "{kind: enum, values: "),
        ({"x": {"kind": "forced"}}, "principal.tenant"),
    ],
)
def test_a_kind_that_needs_more_words_says_which(arguments: Any, fix: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check({}, arguments)

    (problem,) = caught.value.problems
    assert problem.path == ("servers", "demo", "tools", "echo", "arguments", "x")
    assert fix in problem.fix


@pytest.mark.parametrize(
    "arguments",
    [
        {"x": {"kind": "path", "roots": ["srv"]}},
        {"x": {"kind": "path", "roots": ["/srv/../etc"]}},
        {"x": {"kind": "url", "hosts": ["ex ample"]}},
        {"x": {"kind": "url", "hosts": ["*.bücher.example"]}},
        {"x": {"kind": "host", "hosts": ["*evil.com"]}},
        {"x": {"kind": "pattern", "pattern": "(?=a)"}},
        {"x": {"kind": "command", "programs": {"git": ["("]}}},
        {"x": {"kind": "forced", "value": "principal.password"}},
        {"/x/*": {"kind": "forced", "value": 1}},
        {"/x": {"kind": "forced", "value": 1}, "/x/y": "email"},
        {"/x//y": "email"},
        {"": "email"},
    ],
    ids=repr,
)
def test_what_makes_no_sense_is_a_problem_and_not_a_guard(arguments: Any) -> None:
    with pytest.raises(ConfigurationError):
        check({"tenant": "t"}, arguments)


FORCED = {"tenant": {"kind": "forced", "value": "principal.tenant"}}


def test_the_gate_sets_what_is_forced() -> None:
    given = {"any": 1}

    validated = check(given, FORCED)

    assert validated.arguments == {"any": 1, "tenant": "default"}
    assert validated.encoded == b'{"any":1,"tenant":"default"}'
    assert given == {"any": 1}


def test_the_same_value_may_be_said_and_another_may_not() -> None:
    assert check({"tenant": "default"}, FORCED).arguments == {"tenant": "default"}
    for other in ("acme", None, ["default"], "Default"):
        with pytest.raises(Denied) as caught:
            check({"tenant": other}, FORCED)
        assert (caught.value.reason, caught.value.pointer) == (Reason.ARGUMENT_DENIED, "/tenant")


@pytest.mark.parametrize(("forced", "said"), [(1, True), (True, 1), (1, 1.0), (0, False), ("1", 1)])
def test_a_forced_value_is_not_mistaken_for_another_type(forced: Any, said: Any) -> None:
    with pytest.raises(Denied):
        check({"tenant": "t", "any": said}, {"any": {"kind": "forced", "value": forced}})


def test_what_is_forced_inside_an_object_makes_the_object() -> None:
    rules = {"/deep/tenant": {"kind": "forced", "value": "principal.id"}, **FORCED}

    assert check({}, rules).arguments["deep"] == {"tenant": "p"}
    assert check({"deep": {"a/b": "x"}}, rules).arguments["deep"] == {"a/b": "x", "tenant": "p"}
    with pytest.raises(Denied):
        check({"deep": "text"}, rules)


def test_a_guard_that_breaks_is_no_yes() -> None:
    """Whatever is raised ends in the pipeline, as `internal_error`."""

    class Broken:
        def check(self, value: Any, access: str) -> Any:
            raise ZeroDivisionError

    rule = ArgumentRules(arguments=msgspec.convert({"any": "email"}, Arguments))
    stage = build({"demo/echo": rule}, SchemaCache(), SEALER)
    broken = msgspec.structs.replace(
        stage._guardings["demo/echo"],
        guards=((place_of("any"), Broken()),),
    )
    stage._guardings["demo/echo"] = broken  # type: ignore[index]
    with pytest.raises(ZeroDivisionError):
        stage.check(permitted({"tenant": "t", "any": "x"}, tool(SCHEMA)))


def test_mirrored_headers_are_held_against_what_the_caller_said() -> None:
    schema = {
        "type": "object",
        "properties": {"tenant": {"type": "string", "x-mcp-header": "Tenant"}},
        "required": ["tenant"],
    }
    rule = ArgumentRules(arguments=msgspec.convert(FORCED, Arguments))
    stage = build({"demo/echo": rule}, SchemaCache(), SEALER)

    def asked(arguments: dict[str, Any], mirrored: dict[str, str | None]) -> Validated:
        given = permitted(arguments, tool(schema))
        call = msgspec.structs.replace(given.call, mirrored=mirrored)
        return stage.check(msgspec.structs.replace(given, call=call))

    assert asked({}, {}).arguments == {"tenant": "default"}
    assert asked({"tenant": "default"}, {"tenant": "default"}).arguments == {"tenant": "default"}
    with pytest.raises(Denied) as caught:
        asked({}, {"tenant": "default"})
    assert caught.value.reason is Reason.HEADER_MISMATCH
