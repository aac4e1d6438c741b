"""The configured servers as each domain wants to see them: pure."""

from collections.abc import Iterator
from pathlib import Path

from yett.catalogue.config import CatalogueConfig
from yett.configuration.model import Configuration, ServerSection, ToolSection
from yett.core.quantities import duration_seconds
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


def answer_rules(configuration: Configuration) -> dict[str, AnswerRules]:
    return {
        f"{server}/{tool}": AnswerRules(secrets=rules.secrets)
        for server, tool, rules in _tools(configuration)
    }


def catalogue_config(configuration: Configuration, folder: Path) -> CatalogueConfig:
    """folder: where the configuration file lies; `yett.lock` lies beside it."""
    return CatalogueConfig(
        lock_path=str(folder / "yett.lock"),
        pin_at_first_sight=configuration.mode == "development",
        servers=tuple(configuration.servers),
        access={
            (server, tool): rules.access
            for server, tool, rules in _tools(configuration)
            if rules.access is not None
        },
    )


def upstream_config(name: str, section: ServerSection, folder: Path) -> UpstreamConfig:
    """Relative paths are meant from `folder`."""

    def resolved(path: str | None) -> str | None:
        return None if path is None else str(folder / path)

    return UpstreamConfig(
        name=name,
        url=section.url,
        command=section.command,
        environment=section.env,
        cwd=resolved(section.cwd or ".") if section.command else None,
        timeout_seconds=duration_seconds(section.timeout),
        ca=resolved(section.ca),
        client_certificate=resolved(section.client_certificate),
        client_key=resolved(section.client_key),
        pins=section.pins,
    )
