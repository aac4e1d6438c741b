"""The schema for editors is the one the loader uses, and the model is one that msgspec bears."""

import gc
import types
import typing
from typing import Annotated, Any, Union, get_args, get_origin

import jsonschema_rs
import msgspec

from yett.configuration.model import Configuration
from yett.configuration.schema import json_schema


def test_the_schema_is_a_valid_one_and_closed() -> None:
    schema = json_schema()

    jsonschema_rs.meta.validate(schema)
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["$defs"]["Configuration"]["additionalProperties"] is False
    assert schema["$defs"]["ServerSection"]["additionalProperties"] is False


def test_the_defaults_fit_the_schema() -> None:
    validator = jsonschema_rs.Draft202012Validator(json_schema())

    assert validator.is_valid(msgspec.to_builtins(Configuration()))


def test_no_text_with_a_pattern_shares_a_union_with_a_list() -> None:
    """msgspec 0.22 frees such a pattern while it is in use; the process dies at the next collection."""
    seen: set[int] = set()
    bad: list[str] = []
    _walk(Configuration, seen, bad)

    assert bad == []
    gc.collect()


def _walk(hint: Any, seen: set[int], bad: list[str]) -> None:
    if id(hint) in seen:
        return
    seen.add(id(hint))
    if get_origin(hint) in {Union, types.UnionType}:
        members = get_args(hint)
        patterned = [m for m in members if get_origin(m) is Annotated and m.__metadata__[0].pattern]
        lists = [m for m in members if get_origin(m) in {tuple, list, dict, set, frozenset}]
        if patterned and lists:
            bad.append(str(hint))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        for field in typing.get_type_hints(hint, include_extras=True).values():
            _walk(field, seen, bad)
    for member in get_args(hint):
        _walk(member, seen, bad)
