"""One configuration → one immutable snapshot of the road, on top of what outlives it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import final

import msgspec

import yett.authentication.build
import yett.authorization.build
import yett.catalogue.build
import yett.credentials.build
import yett.limits.build
import yett.sanitising.build
import yett.validation.build
from yett.app.estate import Estate
from yett.app.servers import (
    answer_rules,
    argument_rules,
    catalogue_config,
    tool_limits,
)
from yett.app.upstream_pool import UpstreamPool
from yett.authentication import Authenticator
from yett.catalogue import Catalogue, Definitions
from yett.configuration.environment import variables
from yett.configuration.model import Configuration
from yett.core.quantities import duration_seconds
from yett.core.secret import Secret
from yett.credentials import Armourer
from yett.pipeline import Pipeline
from yett.upstreams import Dispatcher


@final
class Snapshot(msgspec.Struct, frozen=True):
    """What serves between two changes of the configuration. `folder`: where the file lies."""

    configuration: Configuration
    folder: Path
    pipeline: Pipeline
    authenticator: Authenticator
    armourer: Armourer
    catalogue: Catalogue


def assemble(
    configuration: Configuration, *, folder: Path, estate: Estate, pool: UpstreamPool
) -> Snapshot:
    """Build every stage anew; connections, counters and records go on.

    Raises:
        ConfigurationError: with every problem that the stages found.
        Fault: a store did not answer.
    """
    authenticator = yett.authentication.build.build(
        configuration.authentication,
        database=estate.database,
        data=estate.data,
        clock=estate.clock,
        environments=_environments(configuration),
    )
    authorization = yett.authorization.build.build(
        configuration.roles,
        yett.authorization.build.read_policies(folder / configuration.policies),
        clock=estate.clock,
    )
    limits = yett.limits.build.build(
        configuration.limits, tool_limits(configuration), state=estate.limits
    )
    validation = yett.validation.build.build(argument_rules(configuration), estate.schemas)
    armourer = build_armourer(configuration, estate)
    catalogue = yett.catalogue.build.build(
        catalogue_config(configuration, folder),
        discoverer=Discovery(pool, armourer),
        schema_check=yett.validation.build.schema_problem,
        record_event=estate.auditor.event,
        clock=estate.clock,
        programs={name: section.command for name, section in configuration.servers.items()},
    )
    sanitising = yett.sanitising.build.build(answer_rules(configuration), validation.output_problem)
    # Last of what can fail: it ends the connections to servers that the new configuration drops.
    routes = pool.routes(configuration, folder, secrets=_secrets_of(armourer))
    pipeline = Pipeline(
        authentication=authenticator,
        catalogue=catalogue,
        authorization=authorization,
        validation=validation,
        limits=limits,
        credentials=armourer,
        upstreams=Dispatcher(routes, estate.clock),
        sanitising=sanitising,
        audit=estate.auditor,
    )
    return Snapshot(configuration, folder, pipeline, authenticator, armourer, catalogue)


def build_armourer(configuration: Configuration, estate: Estate) -> Armourer:
    return yett.credentials.build.build(
        {name: section.credential for name, section in configuration.servers.items()},
        vault=estate.vault,
        clock=estate.clock,
        record_event=estate.auditor.event,
        lease_seconds=duration_seconds(configuration.vault.lease),
        allow_environment=configuration.mode == "development",
        environment=variables(),
        environments={name: section.env for name, section in configuration.servers.items()},
        commands={name: section.command for name, section in configuration.servers.items()},
    )


@final
class Discovery:
    """What the catalogue asks, answered by the transports: with the server's own credential."""

    def __init__(self, pool: UpstreamPool, armourer: Armourer) -> None:
        self._pool = pool
        self._armourer = armourer

    async def discover(self, server: str) -> Definitions:
        """List everything that a server offers.

        Raises:
            Fault: it cannot be reached, or its secret cannot be had.
        """
        credential = await self._armourer.lease_for(server)
        found = await self._pool.transport(server).discover(credential)
        return Definitions(
            tools=found.tools,
            prompts=found.prompts,
            resources=found.resources,
            resource_templates=found.resource_templates,
        )


def _environments(configuration: Configuration) -> frozenset[str]:
    production = configuration.mode == "production"
    return frozenset({"live"}) if production else frozenset({"live", "test"})


def _secrets_of(
    armourer: Armourer,
) -> Callable[[str], tuple[Callable[[], Awaitable[tuple[str, ...]]], Callable[[], Awaitable[dict[str, Secret]]]]]:  # fmt: skip
    """Return, for a server, how its transport gets its command and its environment when it starts."""

    def of(server: str) -> tuple[
        Callable[[], Awaitable[tuple[str, ...]]], Callable[[], Awaitable[dict[str, Secret]]]
    ]:  # fmt: skip
        async def command() -> tuple[str, ...]:
            parts = await armourer.command_for(server)
            return tuple(part.reveal_text() if isinstance(part, Secret) else part for part in parts)

        async def environment() -> dict[str, Secret]:
            return await armourer.environment_for(server)

        return command, environment

    return of
