"""One configuration → one immutable snapshot of the road, on top of what outlives it."""

from collections.abc import Callable
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
    policy_files,
    server_limits,
    shipped_classes,
    tool_limits,
    tool_marks,
    undeclared_arguments,
)
from yett.app.shadow import open_shadow
from yett.app.upstream_pool import Discovery, UpstreamPool
from yett.authentication import Authenticator
from yett.authorization import Authorizer
from yett.catalogue import Catalogue, public_uri
from yett.configuration.environment import variables
from yett.configuration.model import Configuration
from yett.core.clock import Clock
from yett.core.errors import ConfigurationError
from yett.core.quantities import duration_seconds
from yett.core.target import JSON
from yett.credentials import Armourer
from yett.credentials.vault import Vault
from yett.limits import Limiter
from yett.pipeline import Pipeline
from yett.sanitising import Sanitiser
from yett.sanitising.definitions import text_findings
from yett.upstreams import Dispatcher
from yett.validation import Validator


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
    configuration: Configuration,
    *,
    folder: Path,
    estate: Estate,
    pool: UpstreamPool,
    before: Snapshot | None = None,
) -> Snapshot:
    """Build every stage anew; connections, counters and records go on. before: what served until now.

    Raises:
        ConfigurationError: with every problem that the stages found.
        Fault: a store did not answer.
    """
    authorization = _authorizer(configuration, folder, estate)
    validation = yett.validation.build.build(
        argument_rules(configuration), estate.schemas, estate.sealer
    )
    undeclared = undeclared_arguments(configuration, folder)
    if undeclared:
        raise ConfigurationError(undeclared)
    armourer = build_armourer(
        configuration,
        vault=estate.vault,
        clock=estate.clock,
        record_event=estate.event,
        cut=estate.cut,
    )
    if before is not None:
        armourer.take_over(before.armourer.watch)
    catalogue = _catalogue(configuration, folder, estate, pool, before)
    sanitising = _sanitiser(configuration, estate, validation)
    # After what may take seconds, as thousands of policies do: what is known of keys grows stale.
    authenticator = _authenticator(configuration, estate)
    # Last of what can fail: it ends the connections to servers that the new configuration drops.
    routes = pool.routes(configuration, folder, armourer=armourer)
    pipeline = Pipeline(
        authentication=authenticator,
        catalogue=catalogue,
        authorization=authorization,
        validation=validation,
        limits=_limiter(configuration, estate),
        credentials=armourer,
        upstreams=Dispatcher(routes, estate.clock, pool.parking, estate.sealer),
        sanitising=sanitising,
        audit=estate.auditor,
    )
    return Snapshot(configuration, folder, pipeline, authenticator, armourer, catalogue)


def _limiter(configuration: Configuration, estate: Estate) -> Limiter:
    return yett.limits.build.build(
        configuration.limits,
        tool_limits(configuration),
        server_limits(configuration),
        state=estate.limits,
    )


def _authorizer(configuration: Configuration, folder: Path, estate: Estate) -> Authorizer:
    """The policies in force, and beside them what is only tried."""
    files = policy_files(configuration, folder)
    authorizer = yett.authorization.build.build(
        configuration.roles,
        files,
        clock=estate.clock,
        labels=estate.labels,
        marks=tool_marks(configuration),
        approvals=estate.approvals,
        record_event=estate.event,
        reader=estate.policy_reader,
    )
    authorizer.shadow = open_shadow(
        configuration,
        files,
        data=estate.data,
        clock=estate.clock,
        labels=estate.labels,
        record_event=estate.event,
    )
    estate.approvals.tells = configuration.approvals.webhook is not None
    estate.labels.window_seconds = duration_seconds(configuration.labels.window)
    return authorizer


def _sanitiser(configuration: Configuration, estate: Estate, validation: Validator) -> Sanitiser:
    return yett.sanitising.build.build(
        answer_rules(configuration),
        validation.output_problem,
        estate.sealer,
        public_uri,
        configuration.detectors,
    )


def _authenticator(configuration: Configuration, estate: Estate) -> Authenticator:
    production = configuration.mode == "production"
    return yett.authentication.build.build(
        database=estate.database,
        data=estate.data,
        clock=estate.clock,
        environments=frozenset({"live"}) if production else frozenset({"live", "test"}),
    )


def _catalogue(
    configuration: Configuration,
    folder: Path,
    estate: Estate,
    pool: UpstreamPool,
    before: Snapshot | None,
) -> Catalogue:
    """Keep the catalogue, and what it has verified, unless the servers themselves changed."""
    now = configuration.servers, configuration.lock
    if before is not None and now == (before.configuration.servers, before.configuration.lock):
        return before.catalogue
    return yett.catalogue.build.build(
        catalogue_config(configuration, folder),
        discoverer=Discovery(pool),
        schema_check=estate.examiner.problem_of,
        text_findings=text_findings,
        record_event=estate.event,
        clock=estate.clock,
        sealer=estate.sealer,
        shipped=shipped_classes(configuration),
    )


def build_armourer(
    configuration: Configuration,
    *,
    vault: Vault,
    clock: Clock,
    record_event: Callable[[dict[str, JSON]], None],
    cut: Callable[[str], None] = lambda _principal: None,
) -> Armourer:
    """Prepare the credentials of every configured server.

    Raises:
        ConfigurationError: all that is wrong with them.
    """
    return yett.credentials.build.build(
        {name: section.credential for name, section in configuration.servers.items()},
        vault=vault,
        clock=clock,
        record_event=record_event,
        lease_seconds=duration_seconds(configuration.vault.lease),
        allow_environment=configuration.mode == "development",
        environment=variables(),
        environments={name: section.env for name, section in configuration.servers.items()},
        commands={name: section.command for name, section in configuration.servers.items()},
        cut=cut,
    )
