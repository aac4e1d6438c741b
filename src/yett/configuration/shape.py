"""Does the file have the right shape? Each error of the schema becomes a sentence and a fix."""

import difflib
from functools import cache
from typing import Any, Final

import jsonschema_rs

from yett.alerts.config import ALERTS
from yett.authorization.config import APPROVALS, VAULT_PATTERN
from yett.configuration.schema import json_schema
from yett.configuration.secret_finder import find_in_text
from yett.core.errors import Problem
from yett.core.quantities import (
    BUDGET_PATTERN,
    DURATION_PATTERN,
    MONEY_PATTERN,
    RATE_PATTERN,
)
from yett.credentials.config import REFERENCE_PATTERN
from yett.storage.config import STORE_REFERENCE_PATTERN

Path = tuple[str | int, ...]

_QUOTED_CHARS_MAX: Final = 60
_TAG: Final = "kind"
_KINDS: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a block of `key: value` lines",
    "null": "nothing",
}
_GOOD: Final = {
    RATE_PATTERN: "a rate such as 10/minute (second, minute, hour or day)",
    MONEY_PATTERN: "an amount such as 0.002 USD",
    BUDGET_PATTERN: "a budget such as 10 USD/day (day, week, month or total)",
    DURATION_PATTERN: "a duration such as 30s, 24h or 90d",
}
_GOOD_AT: Final = {
    "listen": "an address and a port such as 127.0.0.1:8080",
    "pins": "a pin such as sha256/ and 44 characters of base64",
    "roles": "a grant such as github.create_issue:write or time.*:read",
}
_NAME_RULES: Final = {
    "servers": "a-z, 0-9, `-`, and single `_` that are not the end; a letter or digit first; at most 63",
    "roles": "a-z, 0-9, `-` and `_`, beginning with a letter or digit, at most 63",
}


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json_schema())


def shape_problems(value: Any) -> list[Problem]:
    """Return all that does not fit the schema, each with the path where it stands."""
    return [
        problem for error in _validator().iter_errors(value) for problem in _translate(value, error)
    ]


def _translate(value: Any, error: jsonschema_rs.ValidationError) -> list[Problem]:
    path: Path = tuple(error.instance_path)
    kind = error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.AnyOf):
        return _translate_best(value, path, kind.context)
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
        known = _known_keys(error.schema_path)
        return [_unknown_key(key, (*path, key), known) for key in kind.unexpected]
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.PropertyNames):
        return _wrong_names(value, path)
    message, fix = _sentence(path, kind, _at(value, path), _pattern_beside(error.schema_path))
    return [Problem(message, fix=fix, path=path)]


def _translate_best(
    value: Any, path: Path, branches: list[list[jsonschema_rs.ValidationError]]
) -> list[Problem]:
    """Of several allowed forms, report on the one that was meant: whose type is right, and whose tag."""
    if isinstance(_at(value, path), dict):
        branches = [branch for branch in branches if not _is_choice(branch, path)]
        tagged = _tagged(value, path, branches)
        if tagged is not None:
            return tagged
    wanted: list[str] = []
    patterns: list[str] = []
    for branch in branches:
        types = [
            name
            for error in branch
            if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Type)
            and tuple(error.instance_path) == path
            for name in error.kind.types
        ]
        if not types:
            return [problem for error in branch for problem in _translate(value, error)]
        wanted += [name for name in types if name != "null"]
        patterns += [_pattern_beside(error.schema_path) for error in branch]
    message, fix = _wrong_type(wanted, _at(value, path), next(filter(None, patterns), ""))
    return [Problem(message, fix=fix, path=path)]


def _is_choice(branch: list[jsonschema_rs.ValidationError], path: Path) -> bool:
    """Tell whether a form is one of a few texts, which a block of lines never is meant for."""
    kinds = jsonschema_rs.ValidationErrorKind
    return all(
        isinstance(error.kind, kinds.Enum) and tuple(error.instance_path) == path
        for error in branch
    )


def _tagged(
    value: Any, path: Path, branches: list[list[jsonschema_rs.ValidationError]]
) -> list[Problem] | None:
    """Report on forms that tell themselves apart by their `kind`; None if these do not."""
    if all(any(_lacks_tag(error) for error in branch) for branch in branches):
        missing = next(error for error in branches[0] if _lacks_tag(error))
        return _translate(value, missing)
    options = [_wrong_tags(branch, (*path, _TAG)) for branch in branches]
    if not any(options):
        return None
    if not all(options):
        meant = branches[options.index([])]
        return [problem for error in meant for problem in _translate(value, error)]
    message = f"{quoted(_at(value, path)[_TAG])} is not one of the choices"
    fix = f"Write one of: {', '.join(sorted(name for names in options for name in names))}."
    return [Problem(message, fix=fix, path=(*path, _TAG))]


def _lacks_tag(error: jsonschema_rs.ValidationError) -> bool:
    required = jsonschema_rs.ValidationErrorKind.Required
    return isinstance(error.kind, required) and error.kind.property == _TAG


def _wrong_tags(branch: list[jsonschema_rs.ValidationError], path: Path) -> list[str]:
    kinds = jsonschema_rs.ValidationErrorKind
    return [
        str(option)
        for error in branch
        if isinstance(error.kind, kinds.Enum) and tuple(error.instance_path) == path
        for option in error.kind.options
    ]


def _sentence(path: Path, kind: Any, value: Any, pattern: str) -> tuple[str, str]:
    kinds = jsonschema_rs.ValidationErrorKind
    if isinstance(kind, kinds.Type):
        return _wrong_type(kind.types, value, pattern)
    if isinstance(kind, kinds.Enum):
        options = ", ".join(str(option) for option in kind.options)
        return f"{quoted(value)} is not one of the choices", f"Write one of: {options}."
    if isinstance(kind, kinds.Minimum):
        return "the number is too small", f"Write at least {kind.limit}."
    if isinstance(kind, kinds.Maximum):
        return "the number is too large", f"Write at most {kind.limit}."
    if isinstance(kind, kinds.Required):
        return f"`{kind.property}` is missing", f"Add `{kind.property}: …` here."
    if isinstance(kind, kinds.Pattern):
        return _wrong_pattern(path, kind.pattern, value)
    return "this does not fit", "Compare it with `yett schema`."


def _wrong_type(types: list[str], value: Any, pattern: str) -> tuple[str, str]:
    if pattern in _GOOD and value is not None:
        return f"this is not {_GOOD[pattern].split(' such')[0]}", f"Write {_GOOD[pattern]}."
    wanted = " or ".join(_KINDS.get(name, name) for name in dict.fromkeys(types))
    if "string" in types and isinstance(value, (int, float)):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        shown = f'"{text}"' if len(text) < 10 else "it"  # noqa: PLR2004 - longer may be a pasted secret
        read_as = "true or false" if isinstance(value, bool) else "a number"
        return f"text is wanted, and YAML reads this as {read_as}", f"Write {shown} in quotes."
    if value is None:
        return "there is no value", f"Write {wanted}, or remove the line."
    if "array" in types and isinstance(value, str):
        return f"{wanted} is wanted", "Write it in brackets: [first, second]."
    return f"{wanted} is wanted", f"Write {wanted}."


def _wrong_pattern(path: Path, pattern: str, value: Any) -> tuple[str, str]:
    if pattern in (REFERENCE_PATTERN, VAULT_PATTERN):
        return not_a_reference(path)
    if pattern == STORE_REFERENCE_PATTERN:
        return (
            "a reference to a password is wanted here, and not to the vault, which lies in that database",
            "Write it into a file that only Yett's user may read, and file:/path here.",
        )
    good = _GOOD.get(pattern) or next(
        (text for key, text in _GOOD_AT.items() if key in path), f"a text that fits {pattern}"
    )
    return f"{quoted(value)} is not {good.split(' such as ', maxsplit=1)[0]}", f"Write {good}."


def not_a_reference(path: Path) -> tuple[str, str]:
    """Return message and fix for a secret, or anything else, where a reference should stand."""
    server = str(path[1]) if len(path) > 1 and path[0] == "servers" else "SERVER"
    if path[:1] in ((APPROVALS,), (ALERTS,)):
        server = str(path[0])
    return (
        "a reference to a secret is wanted here, never the secret itself",
        f"Run `yett secret set NAME --server {server}` and write secret:NAME.",
    )


def _wrong_names(value: Any, path: Path) -> list[Problem]:
    """The schema reports the first bad key only; ask for each on its own."""
    bad = [
        key
        for key in _at(value, path)
        if any(
            isinstance(error.kind, jsonschema_rs.ValidationErrorKind.PropertyNames)
            for error in _validator().iter_errors(_nested(path, {key: None}))
        )
    ]
    rule = _NAME_RULES.get(str(path[-1]), "letters, digits, `-` and `_`")
    return [
        Problem(f"{quoted(key)} cannot be a name here", fix=f"Use {rule}.", path=(*path, key))
        for key in bad
    ]


def _nested(path: Path, value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _unknown_key(key: str, path: Path, known: list[str]) -> Problem:
    nearest = difflib.get_close_matches(key, known, n=1)
    fix = f"Did you mean `{nearest[0]}`?" if nearest else f"Known here: {', '.join(known)}."
    return Problem(f"the key {quoted(key)} is unknown", fix=fix, path=path)


def _known_keys(schema_path: list[str | int]) -> list[str]:
    return list(_at(json_schema(), tuple(schema_path[:-1])).get("properties", ()))


def _pattern_beside(schema_path: list[str | int]) -> str:
    """Return the pattern in the same schema as the keyword that failed, if there is one."""
    schema = _at(json_schema(), tuple(schema_path[:-1]))
    return str(schema.get("pattern", "")) if isinstance(schema, dict) else ""


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def quoted(value: object) -> str:
    """Return a value for a message; anything long or like a secret is not repeated."""
    text = str(value)
    if len(text) > _QUOTED_CHARS_MAX or find_in_text(text):
        return "this"
    return f"`{text}`"
