"""docs/reference/configuration.md: every key of yett.yaml, from the model and its docstrings."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import yaml
from scripts.reference.page import NOTE

from yett.configuration.model import Configuration
from yett.configuration.schema import json_schema
from yett.core import quantities
from yett.credentials.config import REFERENCE_PATTERN

_KEYS_FILE: Final = Path(__file__).parents[1] / "configuration_keys.yaml"

_LISTEN_PATTERN: Final = json_schema()["$defs"]["Configuration"]["properties"]["listen"]["pattern"]
_WORDS_OF_PATTERNS: Final = {
    quantities.DURATION_PATTERN: "duration",
    quantities.RATE_PATTERN: "rate",
    quantities.MONEY_PATTERN: "money",
    quantities.BUDGET_PATTERN: "budget",
    _LISTEN_PATTERN: "host:port",
    REFERENCE_PATTERN: "reference",
}
_PLAIN_WORDS: Final = {
    msgspec.inspect.BoolType: "true or false",
    msgspec.inspect.FloatType: "number",
}
_KINDS: Final = "Arguments of a tool, by kind"
_WEIGHTS: Final = ("flag", "redact", "spotlight", "block", "debug", "info", "warning", "error")
_PLACEHOLDERS: Final = {
    "servers": "NAME",
    "tools": "TOOL",
    "keys": "KEY",
    "teams": "TEAM",
    "tenants": "TENANT",
    "detectors": "NAME",
    "ship": "NAME",
    "to": "NAME",
    "hours": "TENANT",
}


class Key(NamedTuple):
    """One line of the configuration reference. path: dotted, with NAME, TOOL, KEY for map keys."""

    path: str
    type: str
    default: str
    text: str
    example: Any


def configuration_keys() -> list[Key]:
    """Return every key that yett.yaml may hold, in the model's order."""
    words = yaml.safe_load(_KEYS_FILE.read_text(encoding="utf-8"))
    found = list(_walk(msgspec.inspect.type_info(Configuration), ""))
    differing = words.keys() ^ {path for path, _, _, _ in found}
    if differing:
        raise ValueError(f"{_KEYS_FILE.name} and the model differ in: {', '.join(differing)}")
    return [
        Key(path, type_, default, _joined(text, words[path].get("text")), words[path]["example"])
        for path, type_, default, text in found
    ]


def _walk(struct: Any, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    told = _docstring_texts(struct.cls, [field.name for field in struct.fields])
    for field in struct.fields:
        path = prefix + field.name
        inner = _without_none(field.type)
        if isinstance(inner, msgspec.inspect.StructType):
            yield from _walk(inner, f"{path}.")
        elif isinstance(inner, msgspec.inspect.DictType) and isinstance(
            inner.value_type, msgspec.inspect.StructType
        ):
            yield from _walk(inner.value_type, f"{path}.{_PLACEHOLDERS[field.name]}.")
        elif kinds := _kinds_of(inner):
            yield path, "map of kinds", _default(field), told.get(field.name, "")
            for kind in kinds:
                yield from _walk(kind, f"{path}.{kind.tag.upper()}.")
        else:
            default = _default(field)
            yield path, _type_words(inner), default, told.get(field.name, "")
            for section in _sections_of(inner):
                yield from _walk(section, f"{path}.")


def _sections_of(type_: Any) -> list[Any]:
    """Return the long form of what may also be written as one text, if it has one."""
    found = type_.types if isinstance(type_, msgspec.inspect.UnionType) else ()
    return [form for form in found if isinstance(form, msgspec.inspect.StructType)]


def _kinds_of(type_: Any) -> list[Any]:
    """Return the forms of the values of a map that tell themselves apart by `kind`, if it is one."""
    value = type_.value_type if isinstance(type_, msgspec.inspect.DictType) else None
    found = value.types if isinstance(value, msgspec.inspect.UnionType) else ()
    structs = [form for form in found if isinstance(form, msgspec.inspect.StructType)]
    return structs if all(form.tag_field == "kind" for form in structs) else []


def _docstring_texts(cls: type, names: list[str]) -> dict[str, str]:
    """Read `name: what it is. other, third: what they are.` out of a docstring."""
    name = "|".join(map(re.escape, names))
    heads = list(re.finditer(rf"\b((?:{name})(?:(?:, | / )(?:{name}))*): ", _one_line(cls.__doc__)))
    ends = [*(head.start() for head in heads[1:]), None]
    return {
        single: _capital(_one_line(cls.__doc__)[head.end() : end].strip().rstrip("."))
        for head, end in zip(heads, ends[: len(heads)], strict=True)
        for single in re.split(", | / ", head[1])
    }


def _without_none(type_: Any) -> Any:
    if isinstance(type_, msgspec.inspect.UnionType):
        others = [t for t in type_.types if not isinstance(t, msgspec.inspect.NoneType)]
        if len(others) == 1:
            return others[0]
    return type_


def _type_words(type_: Any) -> str:  # noqa: PLR0911 - one for each form
    match type_:
        case msgspec.inspect.Metadata(type=inner, extra_json_schema=extra):
            pattern = (extra or {}).get("pattern")
            return _WORDS_OF_PATTERNS.get(pattern) or _type_words(inner)
        case msgspec.inspect.UnionType(types=types):
            others = [t for t in types if not isinstance(t, msgspec.inspect.NoneType)]
            return " or ".join(_type_words(t) for t in others)
        case msgspec.inspect.StructType():
            return "section"
        case msgspec.inspect.VarTupleType(item_type=item):
            return f"list of {_type_words(item)}"
        case msgspec.inspect.DictType(value_type=value):
            return f"map of {_type_words(value)}"
        case msgspec.inspect.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in _in_written_order(values))
        case msgspec.inspect.IntType(ge=low, le=high):
            return "integer" if low is None else f"integer, {low} to {high}"
        case msgspec.inspect.BoolType() | msgspec.inspect.FloatType():
            return _PLAIN_WORDS[type(type_)]
        case msgspec.inspect.StrType(pattern=pattern):
            return _WORDS_OF_PATTERNS.get(pattern or "", "text")
        case _:
            raise ValueError(f"no words for {type_}")


def _in_written_order(values: tuple[Any, ...]) -> list[Any]:
    """msgspec sorts them; `flag`, `redact`, `block` and `debug` … `error` read better by weight."""
    return sorted(values, key=lambda value: _WEIGHTS.index(value) if value in _WEIGHTS else -1)


def _default(field: msgspec.inspect.Field) -> str:
    if field.required:
        return "required"
    if field.default is msgspec.NODEFAULT:
        return "empty"
    if field.default is None:
        return "none"
    return "empty" if field.default in ((), {}) else f"`{_flow(field.default)}`"


def configuration_page() -> str:
    lines = [
        "# Configuration: yett.yaml\n",
        NOTE,
        "Unknown keys, duplicate keys and YAML's guesses (`yes`, `012`) are refused; `yett check` reports every",
        "problem at once with its line and its fix. For editors: [configuration.schema.json](configuration.schema.json).\n",
        "- **duration**: `250ms`, `30s`, `15m`, `24h`, `90d`",
        "- **rate**: `10/second`, `10/minute`, `10/hour`, `10/day`",
        "- **money**: `0.002 USD`; **budget**: money per `day`, `week`, `month` (UTC) or in `total`: `10 USD/day`",
        "- **reference**: `secret:NAME` (the vault), `file:/path`, or `env:NAME` (development only); never the value itself",
        "- Paths are meant from the folder of yett.yaml. NAME, TOOL and KEY stand for names of yours; PATH, URL and so on",
        "  for an argument of that kind: see [guard arguments](../how-to/guard-arguments.md).\n",
    ]
    sections: dict[str, list[str]] = {}
    for key in configuration_keys():
        name = key.path.rsplit(".", 1)[-1]
        example = f"`{name}: {_flow(key.example)}`"
        row = f"| `{key.path}` | {key.type} | {key.default} | {key.text} | {example} |"
        sections.setdefault(_section_of(key.path), []).append(row)
    for section, rows in _with_kinds_last(sections):
        lines += [f"## {section}\n", "| key | type | default | meaning | example |"]
        lines += ["|---|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _with_kinds_last(sections: dict[str, list[str]]) -> list[tuple[str, list[str]]]:
    return sorted(sections.items(), key=lambda item: item[0] == _KINDS)


def _section_of(path: str) -> str:
    head, _, rest = path.partition(".")
    if ".arguments." in path:
        return _KINDS
    if ".tools." in path:
        return "Tools of a server"
    return {"": "The gate itself"}.get(rest, head.capitalize())


def _flow(value: Any) -> str:
    """Write a value as one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").strip("\n")


def _joined(*sentences: str | None) -> str:
    return ". ".join(sentence for sentence in sentences if sentence)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _capital(text: str) -> str:
    """Let a sentence begin; what is quoted stays as it is."""
    return text[:1].upper() + text[1:]
