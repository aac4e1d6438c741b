"""Configuration in, guards out."""

import os
from collections.abc import Callable, Iterator
from typing import Any, Final, final

import msgspec

from yett.core.errors import Problem
from yett.core.pointer import join_pointer
from yett.validation.config import (
    AnyArgument,
    Argument,
    Arguments,
    CommandArgument,
    EmailArgument,
    EnumArgument,
    ForcedArgument,
    HostArgument,
    MaxArgument,
    PathArgument,
    PatternArgument,
    RegexArgument,
    SqlArgument,
    TemplateArgument,
    TextArgument,
    UrlArgument,
    kind_of,
)
from yett.validation.kinds.choice import EnumGuard
from yett.validation.kinds.command import CommandGuard
from yett.validation.kinds.email import EmailGuard
from yett.validation.kinds.forced import OF_THE_CALLER, PREFIX, Forced
from yett.validation.kinds.guarding import EachText, Guarding
from yett.validation.kinds.host import HostGuard
from yett.validation.kinds.maximum import MaxGuard
from yett.validation.kinds.path import PathGuard
from yett.validation.kinds.pattern import PatternGuard
from yett.validation.kinds.places import EACH, Place, place_of
from yett.validation.kinds.port import Guard, Narrower, Pointing, TextGuard
from yett.validation.kinds.regex import RegexGuard
from yett.validation.kinds.sql.build import build_guard
from yett.validation.kinds.template import TemplateGuard
from yett.validation.kinds.url import UrlGuard

_EXAMPLES: Final = {
    "command": "{kind: command, programs: {git: [status, log, --oneline]}}",
    "path": "{kind: path, roots: [/srv/data]}",
    "url": '{kind: url, hosts: [api.example.com, "*.example.org"]}',
    "host": "{kind: host, hosts: [db.example.com]}",
    "enum": "{kind: enum, values: [small, large]}",
    "pattern": '{kind: pattern, pattern: "[a-z0-9-]{1,40}"}',
    "max": "{kind: max, most: 100}",
    "forced": "{kind: forced, value: principal.tenant}",
}
"""Kinds that mean nothing without their options."""

_STATEMENTS_MAX: Final = 16
"""Each may take some milliseconds to judge."""

_DEMANDED: Final = {
    "command": "programs", "path": "roots", "url": "hosts", "host": "hosts",
    "enum": "values", "pattern": "pattern", "forced": "value",
}  # fmt: skip


def guarding_of(arguments: Arguments) -> tuple[Guarding, list[Problem]]:
    """Build what guards one tool. The paths of the problems begin below `arguments`."""
    guards: list[tuple[Place, Guard]] = []
    forced: list[Forced] = []
    narrowers: list[tuple[Place, Narrower]] = []
    pointing: list[tuple[Place, Pointing]] = []
    problems: list[Problem] = []
    for name, kind in arguments.items():
        try:
            place, options = place_of(name), _options_of(kind)
            if isinstance(options, ForcedArgument):
                forced.append(_forced(place, options))
            elif isinstance(options, SqlArgument):
                statements = build_guard(options)
                guards.append((place, EachText(statements, _STATEMENTS_MAX)))
                narrowers.append((place, statements))
            elif isinstance(options, (UrlArgument, HostArgument)):
                hosts = (
                    UrlGuard(options) if isinstance(options, UrlArgument) else HostGuard(options)
                )
                guards.append((place, EachText(hosts)))
                pointing += [(place, hosts)] if options.resolve else []
            elif not isinstance(options, TextArgument):
                guards.append((place, _guard_of(options)))
        except (ValueError, _Incomplete) as error:
            problems.append(_problem(name, error))
    problems += _overlaps([place for place, _ in guards], [one.place for one in forced])
    return Guarding(tuple(guards), tuple(forced), tuple(narrowers), tuple(pointing)), problems


@final
class _Incomplete(Exception):
    """kind: the one that says too little."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"`{kind}` says too little")
        self.kind = kind


def _options_of(kind: AnyArgument) -> Argument:
    name = kind_of(kind)
    if isinstance(kind, str):
        if name in _EXAMPLES:
            raise _Incomplete(name)
        whole: Argument = msgspec.convert({"kind": kind}, AnyArgument)
        return whole
    demanded = _DEMANDED.get(name)
    if demanded is not None and getattr(kind, demanded) in ((), {}, ""):
        raise _Incomplete(name)
    return kind


def _guard_of(options: Argument) -> Guard:
    of_texts = _OF_TEXTS.get(type(options))
    return _OF_VALUES[type(options)](options) if of_texts is None else EachText(of_texts(options))


def _path_guard(options: PathArgument) -> PathGuard:
    return PathGuard(options, os.path.realpath if options.resolve else None)


_OF_TEXTS: Final[dict[type, Callable[[Any], TextGuard]]] = {
    PathArgument: _path_guard,
    EmailArgument: EmailGuard,
    RegexArgument: RegexGuard,
    TemplateArgument: lambda _: TemplateGuard(),
    PatternArgument: PatternGuard,
}
_OF_VALUES: Final[dict[type, Callable[[Any], Guard]]] = {
    CommandArgument: CommandGuard,
    EnumArgument: EnumGuard,
    MaxArgument: MaxGuard,
}


def _forced(place: Place, options: ForcedArgument) -> Forced:
    value = options.value
    if EACH in place:
        raise ValueError("what is forced stands in one place, so `*` is not possible here")
    of_caller = isinstance(value, str) and value.startswith(PREFIX)
    if of_caller and str(value).removeprefix(PREFIX) not in OF_THE_CALLER:
        known = ", ".join(f"{PREFIX}{name}" for name in sorted(OF_THE_CALLER))
        raise ValueError(f"of the caller, there are {known}")
    return Forced(place, value)


def _overlaps(guarded: list[Place], forced: list[Place]) -> Iterator[Problem]:
    """Two who set the same place would each undo the other, or refuse it."""
    for place in forced:
        for other in guarded + [it for it in forced if it is not place]:
            if place[: len(other)] == other or other[: len(place)] == place:
                yield Problem(
                    "what the gate sets has no other kind, and nothing inside it has",
                    fix="Keep one of the two lines.",
                    path=(_written(place),),
                )
                break


def _written(place: Place) -> str:
    if len(place) == 1 and not place[0].startswith("/"):
        return place[0]
    return join_pointer(place)


def _problem(name: str, error: Exception) -> Problem:
    if isinstance(error, _Incomplete):
        fix = f"Write {_EXAMPLES[error.kind]}."
        return Problem(f"`{error.kind}` needs to be told what is allowed", fix=fix, path=(name,))
    said = str(error)
    return Problem(said, fix="See docs/how-to/guard-arguments.md.", path=(name,))
