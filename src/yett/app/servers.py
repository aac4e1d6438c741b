"""The configuration as each domain wants to see it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from yett.authorization.build import read_policies
from yett.authorization.config import RowRules, ToolMarks
from yett.catalogue.build import open_lock
from yett.catalogue.config import LOCK_NAME, CatalogueConfig
from yett.catalogue.entries import Entry, find_entry, shipped_entries
from yett.configuration.model import Configuration, ServerSection, ToolSection
from yett.core.errors import Problem
from yett.core.quantities import duration_seconds
from yett.core.target import Access
from yett.limits.config import ServerLimits, ToolLimits
from yett.sanitising.config import AnswerRules
from yett.sanitising.rows import RowPlaces, read_places
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.databases import OWN_CLASSES, OWN_FUNCTIONS, dialect_of
from yett.validation.build import build_guardings, declaration_problem
from yett.validation.config import ArgumentRules, Arguments, SqlArgument
from yett.validation.kinds.places import Place


def _tools(configuration: Configuration) -> Iterator[tuple[str, str, ToolSection]]:
    for server, section in configuration.servers.items():
        for tool, rules in section.tools.items():
            yield server, tool, rules


def tool_limits(configuration: Configuration) -> dict[str, ToolLimits]:
    return {
        f"{server}/{tool}": ToolLimits(
            rules.rate, rules.rate_total, rules.cost, rules.concurrency, rules.observe
        )
        for server, tool, rules in _tools(configuration)
    }


def server_limits(configuration: Configuration) -> dict[str, ServerLimits]:
    return {
        name: ServerLimits(section.rate, section.concurrency)
        for name, section in configuration.servers.items()
    }


def argument_rules(configuration: Configuration) -> dict[str, ArgumentRules]:
    """What the operator says of an argument goes before what a ready-made entry says."""
    found = {
        f"{server}/{name}": ArgumentRules(arguments=msgspec.convert(tool.arguments, Arguments))
        for server, entry in _entries(configuration).items()
        for name, tool in entry.tools.items()
        if tool.arguments
    }
    for server, tool, rules in _tools(configuration):
        key = f"{server}/{tool}"
        shipped = found.get(key, ArgumentRules()).arguments
        found[key] = ArgumentRules(open=rules.open, arguments={**shipped, **rules.arguments})
    return found | _statement_rules(configuration, found)


def _statement_rules(
    configuration: Configuration, found: Mapping[str, ArgumentRules]
) -> dict[str, ArgumentRules]:
    """Every statement for a database of ours is judged, whatever else the operator says of the argument; what
    may be added are functions."""
    rules: dict[str, ArgumentRules] = {}
    for server, section in configuration.servers.items():
        if section.database is None:
            continue
        key = f"{server}/query"
        said = found.get(key, ArgumentRules())
        own = said.arguments.get("sql")
        added = own.functions if isinstance(own, SqlArgument) else ()
        dialect = dialect_of(section.database)
        judged = SqlArgument(
            dialect=dialect,
            functions=(*added, *OWN_FUNCTIONS[dialect]),
            parameters=True,
        )
        rules[key] = msgspec.structs.replace(said, arguments={**said.arguments, "sql": judged})
    return rules


def _forced(configuration: Configuration) -> dict[str, tuple[Place, ...]]:
    guardings = build_guardings(argument_rules(configuration))
    return {
        key: tuple(one.place for one in guarding.forced)
        for key, guarding in guardings.items()
        if guarding.forced
    }


def undeclared_arguments(configuration: Configuration, folder: Path) -> list[Problem]:
    """Find arguments of which something is said, and which the approved tools do not have. folder:
    where the configuration file lies.

    Raises:
        ConfigurationError: what is said makes no sense, or `yett.lock` is damaged.
    """
    rules = argument_rules(configuration)
    guardings = {
        key: guarding for key, guarding in build_guardings(rules).items() if not rules[key].open
    }
    if not guardings:
        return []
    lock = open_lock(folder).read()
    found = [
        declaration_problem(f"{server}/{tool}", guardings[f"{server}/{tool}"], pin.definition)
        for server, pins in lock.servers.items()
        for tool, pin in pins.tools.items()
        if f"{server}/{tool}" in guardings
    ]
    return [problem for problem in found if problem is not None]


def tool_marks(configuration: Configuration) -> dict[str, ToolMarks]:
    """By `server/tool`, or by server for all that it offers; what is not marked is left out."""
    servers = {name: section.labels for name, section in configuration.servers.items()}
    marks = {name: ToolMarks(labels) for name, labels in servers.items()}
    for server, tool, rules in _tools(configuration):
        labels = tuple(sorted({*servers[server], *rules.labels}))
        marks[f"{server}/{tool}"] = ToolMarks(labels, rules.egress, rules.rows is not None)
    return {key: mark for key, mark in marks.items() if mark != ToolMarks()}


def answer_rules(configuration: Configuration) -> dict[str, AnswerRules]:
    return {
        f"{server}/{tool}": AnswerRules(
            secrets=rules.secrets,
            personal_data=rules.personal_data,
            injections=rules.injections,
            links=rules.links,
            spotlight=rules.spotlight,
            link_hosts=tuple(host.lower() for host in rules.link_hosts),
            rows=_row_places(rules.rows),
        )
        for server, tool, rules in _tools(configuration)
    }


def _row_places(rules: RowRules | None) -> RowPlaces | None:
    if rules is None or rules.at == ():  # none, or its statements are rewritten
        return None
    at = (rules.at,) if isinstance(rules.at, str) else rules.at
    return read_places(at, rules.hide, text=rules.text, at_most=rules.max)


def catalogue_config(configuration: Configuration, folder: Path) -> CatalogueConfig:
    """folder: where the configuration file lies; `yett.lock` lies beside it."""
    return CatalogueConfig(
        lock_path=str(folder / LOCK_NAME),
        pin_at_first_sight=configuration.mode == "development" and not configuration.lock.signed_by,
        servers=tuple(configuration.servers),
        access={
            (server, tool): rules.access
            for server, tool, rules in _tools(configuration)
            if rules.access is not None
        },
        forced=_forced(configuration),
        hidden={
            f"{server}/{tool}": rules.rows.hide
            for server, tool, rules in _tools(configuration)
            if rules.rows is not None
        },
        signed_by=configuration.lock.signed_by,
    )


def shipped_classes(configuration: Configuration) -> dict[str, Mapping[str, Access]]:
    """By server, what a ready-made entry says of its tools; servers without one are left out."""
    found: dict[str, Mapping[str, Access]] = {
        name: entry.classes() for name, entry in _entries(configuration).items()
    }
    own = {name: OWN_CLASSES for name, section in configuration.servers.items() if section.database}
    return found | own


def _entries(configuration: Configuration) -> dict[str, Entry]:
    entries = shipped_entries()
    found = {
        name: find_entry(section.command, entries)
        for name, section in configuration.servers.items()
    }
    return {name: entry for name, entry in found.items() if entry is not None}


def policy_files(configuration: Configuration, folder: Path) -> dict[str, str]:
    """Read the policy files. folder: where the configuration file lies.

    Raises:
        ConfigurationError: one cannot be read; or the folder was named, and is not there.
    """
    directory = Path(configuration.policies)
    return read_policies(directory, must_exist=directory != folder / Configuration().policies)


def upstream_config(name: str, section: ServerSection, folder: Path) -> UpstreamConfig:
    """folder: where the configuration file lies; a program starts there unless it says otherwise."""
    return UpstreamConfig(
        name=name,
        url=section.url,
        command=section.command,
        database=section.database,
        tables=section.tables,
        environment=section.env,
        cwd=(section.cwd or str(folder)) if section.command else None,
        timeout_seconds=duration_seconds(section.timeout),
        ca=section.ca,
        client_certificate=section.client_certificate,
        client_key=section.client_key,
        pins=section.pins,
        may_ask=frozenset(section.may_ask),
        idempotent=frozenset(name for name, tool in section.tools.items() if tool.idempotent),
    )
