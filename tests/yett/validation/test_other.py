"""What is asked of prompts, resources and completions has the form of its operation."""

from typing import Any

import msgspec
import pytest

from tests.seals import SEALER
from tests.yett.validation.calls import permitted
from yett.core.bounds import URI_CHARS_MAX
from yett.core.errors import Denied, Fault
from yett.core.operations import COMPLETE_TEMPLATE, OPERATIONS, Kind
from yett.core.proofs import Permitted
from yett.core.reasons import Reason
from yett.validation import SchemaCache, Validator

GREET: dict[str, Any] = {
    "name": "greet",
    "arguments": [{"name": "who", "required": True}, {"name": "how"}],
}


def check(one: Permitted) -> None:
    Validator(SchemaCache(), SEALER).check(one)


def denied(one: Permitted) -> str | None:
    with pytest.raises(Denied) as caught:
        check(one)
    assert caught.value.reason is Reason.INVALID_INPUT
    return caught.value.pointer


def prompt(arguments: dict[str, Any], definition: dict[str, Any] = GREET) -> Permitted:
    return permitted(arguments, definition, kind=Kind.PROMPT, name="greet")


def completion(arguments: dict[str, Any], kind: Kind = Kind.PROMPT) -> Permitted:
    before = permitted(arguments, GREET, kind=kind, name="greet")
    operation = OPERATIONS["completion/complete"] if kind is Kind.PROMPT else COMPLETE_TEMPLATE
    return msgspec.structs.replace(
        before, call=msgspec.structs.replace(before.call, operation=operation)
    )


def naming(name: str, **more: Any) -> dict[str, Any]:
    return {"argument": {"name": name, "value": "a"}} | more


def test_a_prompt_takes_what_it_declares() -> None:
    check(prompt({"who": "Ada"}))
    check(prompt({"who": "Ada", "how": "warmly"}))
    check(prompt({"who": "x" * 10_000}))
    check(prompt({}, {"name": "greet"}))
    check(prompt({}, {"name": "greet", "arguments": None}))


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [
        ({}, "/who"),
        ({"who": 1}, "/who"),
        ({"who": "Ada", "other": "x"}, "/other"),
        ({"who": "x" * 200_000}, "/who"),
    ],
)
def test_what_it_does_not_declare_is_denied(arguments: dict[str, Any], pointer: str) -> None:
    assert denied(prompt(arguments)) == pointer


@pytest.mark.parametrize("items", ["who", [{"name": 1}], ["who"], {"name": "who"}])
def test_a_prompt_that_cannot_be_judged_by_is_our_fault(items: Any) -> None:
    with pytest.raises(Fault) as caught:
        check(prompt({}, {"name": "greet", "arguments": items}))

    assert caught.value.reason is Reason.INTERNAL_ERROR


def test_a_resource_is_a_uri_and_nothing_else() -> None:
    check(permitted({}, {}, kind=Kind.RESOURCE, name="memo://one"))
    for name in ("memo://a b", "memo://\n", "memo://\u200b", "m" * (URI_CHARS_MAX + 1)):
        assert denied(permitted({}, {}, kind=Kind.RESOURCE_TEMPLATE, name=name)) == ""
    assert denied(permitted({"a": 1}, {}, kind=Kind.RESOURCE, name="memo://one")) == ""


@pytest.mark.parametrize(
    "arguments",
    [
        naming("who"),
        naming("how", context={}),
        naming("who", context={"arguments": {"how": "warmly", "else": ""}}),
    ],
)
def test_a_completion_names_one_argument(arguments: dict[str, Any]) -> None:
    check(completion(arguments))


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [
        ({}, "/argument"),
        ({"argument": "who"}, "/argument"),
        ({"argument": {"name": "who"}}, "/argument"),
        ({"argument": {"name": "who", "value": 1}}, "/argument"),
        ({"argument": {"name": "who", "value": "a", "more": "b"}}, "/argument"),
        (naming("who", ref={}), "/argument"),
        (naming("who", context="x"), "/context"),
        (naming("who", context={"other": {}}), "/context"),
        (naming("who", context={"arguments": {"how": 1}}), "/context"),
        (naming("who", context={"arguments": []}), "/context"),
        (naming("nobody"), "/argument/name"),
        ({"argument": {"name": "who", "value": "x" * 200_000}}, "/argument/value"),
    ],
)
def test_another_form_is_denied(arguments: dict[str, Any], pointer: str) -> None:
    assert denied(completion(arguments)) == pointer


def test_the_parts_of_a_template_are_the_servers_to_know() -> None:
    check(completion(naming("anything"), Kind.RESOURCE_TEMPLATE))
