"""What an operator looks for besides: patterns with tests beside them, kept in the configuration. Pure."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

import re2

from yett.sanitising.config import Detector, What
from yett.sanitising.detectors.rules import Kind, Rule

DETECTORS_MAX: Final = 100
_PATTERN_BYTES_MAX: Final = 1024 * 1024
_KINDS: Final[dict[What, Kind]] = {
    "secrets": "secret",
    "personal_data": "personal",
    "injections": "injection",
    "links": "link",
}


def rules_of(detectors: Mapping[str, Detector]) -> tuple[Rule, ...]:
    """Return the rules; all detectors are known to be good."""
    return tuple(
        Rule(name=name, pattern=item.pattern.encode(), hint=b"", kind=_KINDS[item.kind])
        for name, item in detectors.items()
    )


def problems_of(
    detectors: Mapping[str, Detector],
) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Yield what is wrong with each: where, what, and the fix."""
    if len(detectors) > DETECTORS_MAX:
        yield (), f"more than {DETECTORS_MAX} detectors", "Join patterns with `|`."
    for name, item in islice(detectors.items(), DETECTORS_MAX):
        pattern = _compiled(item.pattern)
        if pattern is None:
            fix = "Write it in the syntax of RE2: no look-around, no references back, and not too large."
            yield (name, "pattern"), "the pattern cannot be compiled", fix
        elif pattern.search(b"") is not None:
            yield (
                (name, "pattern"),
                "the pattern is found in an empty text",
                "Make it ask for something.",
            )
        elif not item.matches:
            yield (
                (name,),
                "there is no text beside the pattern to try it with",
                "Write matches: [a text that holds it].",
            )
        else:
            yield from _failed(name, item, pattern)


def _failed(
    name: str, item: Detector, pattern: Any
) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    for index, text in enumerate(item.matches):
        if pattern.search(text.encode()) is None:
            yield (
                (name, "matches", index),
                "the pattern is not found in this text",
                "Mend one of the two.",
            )
    for index, text in enumerate(item.passes):
        if pattern.search(text.encode()) is not None:
            yield (
                (name, "passes", index),
                "the pattern is found in this text",
                "Mend one of the two.",
            )


def _compiled(pattern: str) -> Any:
    """Return what can search bytes, or None."""
    options = re2.Options()
    options.max_mem = _PATTERN_BYTES_MAX
    options.log_errors = False
    try:
        return re2.compile(pattern.encode(), options)
    except re2.error:
        return None
