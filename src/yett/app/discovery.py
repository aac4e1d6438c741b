"""Ask one configured server what it offers, without a gate: for commands."""

from pathlib import Path

import yett.credentials.build
from yett.app.assemble import Discovery
from yett.app.estate import open_vault
from yett.app.upstream_pool import UpstreamPool
from yett.catalogue import Definitions
from yett.configuration.environment import variables
from yett.configuration.model import Configuration
from yett.core.clock import Clock
from yett.core.quantities import duration_seconds
from yett.core.target import JSON
from yett.storage import outbox
from yett.storage.port import Database


async def discover_once(
    configuration: Configuration,
    data: Path,
    server: str,
    *,
    folder: Path,
    database: Database,
    clock: Clock,
) -> Definitions:
    """Start or reach the server with its own credential, list all it offers, and end it again.

    folder: where the configuration file lies. Works beside a running gate: what it records of the
    secrets it used goes through the outbox.

    Raises:
        ConfigurationError: the vault's key or the server's address cannot be used.
        Fault: the server cannot be reached, or its secret cannot be had.
    """

    def record(event: dict[str, JSON]) -> None:
        with database.transaction() as transaction:
            outbox.post(transaction, event, clock.wall())

    # Nothing of the other servers: their secrets are not this command's business.
    section = configuration.servers[server]
    armourer = yett.credentials.build.build(
        {server: section.credential},
        vault=open_vault(configuration, data=data, database=database, clock=clock),
        clock=clock,
        record_event=record,
        lease_seconds=duration_seconds(configuration.vault.lease),
        allow_environment=configuration.mode == "development",
        environment=variables(),
        environments={server: section.env},
        commands={server: section.command},
    )
    pool = UpstreamPool(clock)
    try:
        pool.routes(configuration, folder, armourer=armourer)
        return await Discovery(pool).discover(server)
    finally:
        await pool.close()
