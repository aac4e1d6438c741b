"""The configuration as each domain wants to see it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from yett.authorization.build import read_policies
from yett.authorization.config import ToolMarks
from yett.catalogue.config import LOCK_NAME, CatalogueConfig
from yett.catalogue.entries import find_entry, shipped_entries
from yett.configuration.model import Configuration, ServerSection, ToolSection
from yett.core.quantities import duration_seconds
from yett.core.target import Access
from yett.limits.config import ToolLimits
from yett.sanitising.config import AnswerRules
from yett.upstreams.config import UpstreamConfig
from yett.validation.config import ArgumentRules


def _tools(configuration: Configuration) -> Iterator[tuple[str, str, ToolSection]]:
    for server, section in configuration.servers.items():
        for tool, rules in section.tools.items():
            yield server, tool, rules


def tool_limits(configuration: Configuration) -> dict[str, ToolLimits]:
    return {
        f"{server}/{tool}": ToolLimits(rules.rate, rules.rate_total, rules.cost)
        for server, tool, rules in _tools(configuration)
    }


def argument_rules(configuration: Configuration) -> dict[str, ArgumentRules]:
    return {
        f"{server}/{tool}": ArgumentRules(open=rules.open)
        for server, tool, rules in _tools(configuration)
    }


def tool_marks(configuration: Configuration) -> dict[str, ToolMarks]:
    """By `server/tool`, or by server for all that it offers; what is not marked is left out."""
    servers = {name: section.labels for name, section in configuration.servers.items()}
    marks = {name: ToolMarks(labels) for name, labels in servers.items()}
    for server, tool, rules in _tools(configuration):
        labels = tuple(sorted({*servers[server], *rules.labels}))
        marks[f"{server}/{tool}"] = ToolMarks(labels, rules.egress)
    return {key: mark for key, mark in marks.items() if mark != ToolMarks()}


def answer_rules(configuration: Configuration) -> dict[str, AnswerRules]:
    return {
        f"{server}/{tool}": AnswerRules(secrets=rules.secrets)
        for server, tool, rules in _tools(configuration)
    }


def catalogue_config(configuration: Configuration, folder: Path) -> CatalogueConfig:
    """folder: where the configuration file lies; `yett.lock` lies beside it."""
    return CatalogueConfig(
        lock_path=str(folder / LOCK_NAME),
        pin_at_first_sight=configuration.mode == "development",
        servers=tuple(configuration.servers),
        access={
            (server, tool): rules.access
            for server, tool, rules in _tools(configuration)
            if rules.access is not None
        },
    )


def shipped_classes(configuration: Configuration) -> dict[str, Mapping[str, Access]]:
    """By server, what a ready-made entry says of its tools; servers without one are left out."""
    entries = shipped_entries()
    found = {
        name: find_entry(section.command, entries)
        for name, section in configuration.servers.items()
    }
    return {name: entry.classes() for name, entry in found.items() if entry is not None}


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
        environment=section.env,
        cwd=(section.cwd or str(folder)) if section.command else None,
        timeout_seconds=duration_seconds(section.timeout),
        ca=section.ca,
        client_certificate=section.client_certificate,
        client_key=section.client_key,
        pins=section.pins,
        may_ask=frozenset(section.may_ask),
    )
