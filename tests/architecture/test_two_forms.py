"""The hot modules run as they stand or as native code. What stands in for msgspec's structs there takes the same
arguments, has the same fields, and is compared and hashed alike. That whole gates behave alike is tested by
`make compiled-test`."""

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from scripts.compile import HOT, digest, misread, with_names_apart, with_native_classes

from tests.architecture.source import TEXTS


def native(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the structs of a module, and what stands in for each, by name."""
    module = importlib.import_module(f"yett.{name.removesuffix('.py').replace('/', '.')}")
    structs = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, msgspec.Struct)
        and value.__module__ == module.__name__
    }
    space: dict[str, Any] = {"__name__": module.__name__}
    exec(compile(with_native_classes(TEXTS[name]), name, "exec"), space)  # noqa: S102 - our own source
    return structs, {key: space[key] for key in structs}


@pytest.mark.parametrize("name", HOT)
def test_what_stands_in_for_a_struct_is_made_and_compared_like_it(name: str) -> None:
    structs, plain = native(name)

    for key, struct in structs.items():
        other = plain[key]
        assert not issubclass(other, msgspec.Struct)
        assert other.__match_args__ == struct.__struct_fields__
        asked, offered = inspect.signature(struct).parameters, inspect.signature(other).parameters
        assert {(item.name, item.kind) for item in asked.values()} == {
            (item.name, item.kind) for item in offered.values()
        }
        assert [
            item for item in asked if asked[item].kind is not inspect.Parameter.KEYWORD_ONLY
        ] == [item for item in offered if offered[item].kind is not inspect.Parameter.KEYWORD_ONLY]
        needed = inspect.Parameter.empty
        assert {item for item in asked if asked[item].default is needed} == {
            item for item in offered if offered[item].default is needed
        }
        assert struct.__struct_config__.eq == (other.__eq__ is not object.__eq__)


@pytest.mark.parametrize("name", HOT)
def test_msgspec_writes_what_stands_in_for_a_struct_as_it_writes_the_struct(name: str) -> None:
    """An error of a tool that is labelled, say, goes through it."""
    structs, plain = native(name)

    for key, struct in structs.items():
        if not hasattr(struct, "__post_init__"):
            fields = dict.fromkeys(struct.__struct_fields__, 1)
            assert list(msgspec.to_builtins(plain[key](**fields)).items()) == list(fields.items())
            assert msgspec.json.encode(plain[key](**fields)) == msgspec.json.encode(
                struct(**fields)
            )


def test_what_is_built_is_of_another_source_when_any_file_of_it_is_another(tmp_path: Path) -> None:
    """Schemas, migrations and scripts are copied as well."""
    seen = {digest(tmp_path)}
    for name, text in (("a.py", "1"), ("a.py", "2"), ("b.sql", "1"), ("b.sql", "2"), ("c", "")):
        (tmp_path / name).write_text(text)
        seen.add(digest(tmp_path))
    assert len(seen) == 6

    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_bytes(b"1")
    assert digest(tmp_path) in seen


@pytest.mark.parametrize("name", HOT)
def test_nothing_is_written_that_the_compiler_takes_for_something_else(name: str) -> None:
    assert misread(TEXTS[name]) == []


def test_what_it_takes_for_something_else_is_seen() -> None:
    written = (
        "a = b[os.write(c, b) :]\nD = slice(1, 2)\ne = b[len(c) : b.find(c)]\nf = b[: (g := 1)]\n"
        "match a:\n case [int(h), str(i)]: pass\n case int(): pass"
    )

    assert set(misread(written)) == {"int(h)", "os.write(c, b)", "(g := 1)", "slice(1, 2)"}


def test_what_two_handlers_catch_has_two_names() -> None:
    written = """\
def caught(kind):
    try: raise kind("é")
    except (KeyError,
            OSError) as error:
        try: raise ValueError("é", error.args)
        except ValueError as error: return "é", repr(error)
    except Exception as error: return repr(error)
"""
    apart = with_names_apart(written)

    assert len(set(re.findall(r" as (\w+)", apart))) == 3
    forms: list[dict[str, Any]] = [{}, {}]
    for text, space in zip((written, apart), forms, strict=True):
        exec(compile(text, "written", "exec"), space)  # noqa: S102 - it stands above
    for kind in (KeyError, OSError, TypeError):
        assert forms[0]["caught"](kind) == forms[1]["caught"](kind)


@pytest.mark.parametrize("name", HOT)
def test_names_apart_change_nothing_else(name: str) -> None:
    assert re.sub(r"_\d+\b", "", with_names_apart(TEXTS[name])) == re.sub(
        r"_\d+\b", "", TEXTS[name]
    )


def test_values_are_equal_and_hashed_by_their_fields() -> None:
    _, plain = native("core/identity.py")
    principal = plain["Principal"]

    one, same, other = (principal(id=text, name="n") for text in ("a", "a", "b"))

    assert one == same != other
    assert hash(one) == hash(same)
    assert one != "a"


def test_what_is_made_anew_for_each_value_is_not_shared() -> None:
    _, plain = native("core/talk.py")
    talk = plain["Talk"]

    assert talk().trace == {}
    assert talk().trace is not talk().trace
