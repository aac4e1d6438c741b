"""How large a policy may be. Pure.

Cedar's parser calls itself for each bracket within a bracket and ends the whole process when it has gone
too deep (CWE-674), so that is looked at before Cedar sees the text. The rest bounds what one decision can take.
"""

import re
from collections.abc import Iterator
from typing import Final

from yett.authorization.compile import Statement
from yett.core.errors import Problem
from yett.core.target import JSON

POLICY_CHARS_MAX: Final = 131_072
BRACKETS_DEPTH_MAX: Final = 40
WORDS_MAX: Final = 20_000
FORM_DEPTH_MAX: Final = 100
"""Of the JSON form, two for each operator. Cedar does not read one back that is deeper than 128."""

WEIGHT_MAX: Final = 5_000
"""Of the conditions of one policy: about 3 ms of Cedar's time."""

PATTERN_CHARS_MAX: Final = 200
PATTERN_STARS_MAX: Final = 20

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|//[^\n]*|[(\[{]|[)\]}]|[A-Za-z0-9_]+|\S')
_FIX: Final = "Make several policies of it; many values go into one set: `[…].contains(…)`"


def oversized(statement: Statement) -> Iterator[Problem]:
    """Say why a policy must not be given to Cedar."""
    text = statement.text
    if len(text) > POLICY_CHARS_MAX:
        yield _problem(statement, f"it is longer than {POLICY_CHARS_MAX} characters")
        return
    depth = deepest = words = 0
    for token in _TOKEN.finditer(text):
        first = token.group()[0]
        if first in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in ")]}":
            depth -= 1
        words += first not in '"/,'
    if deepest > BRACKETS_DEPTH_MAX:
        yield _problem(
            statement, f"its brackets are nested deeper than {BRACKETS_DEPTH_MAX}", "Nest it less"
        )
    elif words > WORDS_MAX:
        yield _problem(statement, f"it has more than {WORDS_MAX} words and signs")


def overweight(form: dict[str, JSON], statement: Statement) -> Iterator[Problem]:
    """Say why a policy, in Cedar's JSON form, would take too long to decide by."""
    if _depth(form) > FORM_DEPTH_MAX:
        yield _problem(statement, "it joins or nests too many conditions in one")
        return
    weight, patterns = _walk(form["conditions"])
    if weight > WEIGHT_MAX:
        yield _problem(statement, f"its conditions have more than {WEIGHT_MAX} parts")
    for pattern in patterns:
        stars = sum(part == "Wildcard" for part in pattern)
        if len(pattern) > PATTERN_CHARS_MAX + PATTERN_STARS_MAX or stars > PATTERN_STARS_MAX:
            yield _problem(
                statement,
                f"the pattern of a `like` has more than {PATTERN_CHARS_MAX} characters "
                f"or {PATTERN_STARS_MAX} stars",
                "Shorten the pattern",
            )


def weigh(value: JSON) -> int:
    """Count the operators and values in a part of a policy's JSON form."""
    return _walk(value)[0]


def _walk(value: JSON) -> tuple[int, list[list[JSON]]]:
    """Return the weight, and the patterns of `like`."""
    weight = 0
    patterns: list[list[JSON]] = []
    stack = [value]
    while stack:
        part = stack.pop()
        kind = type(part)
        if kind is dict:
            weight += 1
            stack.extend(part.values())
            if "pattern" in part and type(part["pattern"]) is list:
                patterns.append(part["pattern"])
        elif kind is list:
            stack.extend(part)
    return weight, patterns


def _depth(form: JSON) -> int:
    depth = 0
    level: list[JSON] = [form]
    while level:
        depth += 1
        below: list[JSON] = []
        for part in level:
            kind = type(part)
            if kind is dict:
                below.extend(part.values())
            elif kind is list:
                below.extend(part)
        level = below
    return depth


def _problem(statement: Statement, what: str, fix: str = _FIX) -> Problem:
    return Problem(
        f"the policy is too large: {what}", fix=fix, file=statement.file, line=statement.line
    )
