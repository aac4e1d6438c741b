"""The reference says what the code says, and everything an operator can set, type or read is in it."""

from typing import Any, Final

import jsonschema_rs
import pytest
from scripts.reference.commands import commands
from scripts.reference.configuration import Key, configuration_keys
from scripts.reference.metrics import metric_families
from scripts.write_reference import pages

from tests.docs.pages import PAGES, REFERENCE
from yett.configuration.schema import json_schema
from yett.core.reasons import Reason

WRITTEN: Final = pages()
EVERYTHING: Final = "\n".join(PAGES.values())


@pytest.mark.parametrize("name", WRITTEN)
def test_the_reference_is_what_the_code_says(name: str) -> None:
    path = REFERENCE / name
    found = path.read_text(encoding="utf-8") if path.exists() else ""

    assert found == WRITTEN[name], f"{name} is out of date: run `make docs`"


def test_every_setting_is_documented_with_words_and_an_example_that_the_schema_accepts() -> None:
    validator = jsonschema_rs.validator_for(json_schema())
    for key in configuration_keys():
        assert f"`{key.path}`" in EVERYTHING
        assert key.text, key.path
        problems = [error.message for error in validator.iter_errors(_nested(key))]
        assert problems == [], key.path


def test_every_reason_is_documented() -> None:
    assert [reason for reason in Reason if f"`{reason.value}`" not in EVERYTHING] == []


def test_every_command_and_every_option_of_it_is_documented_with_words() -> None:
    for words, command in commands():
        assert f"yett {words}\n" in EVERYTHING
        assert command.help, words
        for parameter in command.params:
            longest = max(parameter.opts, key=len)
            assert not longest.startswith("--") or longest in EVERYTHING, (words, longest)


def test_every_metric_is_documented_with_words() -> None:
    families = metric_families()

    assert len(families) >= 5
    assert [
        name for name, _, text, _ in families if f"`{name}`" not in EVERYTHING or not text
    ] == []


def _nested(key: Key) -> dict[str, Any]:
    document: Any = key.example
    for part in reversed(key.path.split(".")):
        document = {part.lower() if part.isupper() else part: document}
    assert isinstance(document, dict)
    if ".arguments." in key.path:
        arguments = document["servers"]["name"]["tools"]["tool"]["arguments"]
        for kind, options in arguments.items():
            options["kind"] = kind
    if key.path.startswith("servers.NAME.credential.basic."):
        basic = document["servers"]["name"]["credential"]["basic"]
        document["servers"]["name"]["credential"]["basic"] = {
            "username": "robot",
            "password": "secret:wiki-password",
        } | basic
    for name, url in (("storage", "postgresql://host/yett"), ("counters", "valkeys://host")):
        if key.path.startswith(f"{name}."):
            document[name] = {"url": url} | document[name]
    return document
