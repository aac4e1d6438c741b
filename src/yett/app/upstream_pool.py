"""The transports to the servers: one each, kept across reloads as long as its configuration is the same."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final, final

import yett.upstreams.build
from yett.app.servers import upstream_config
from yett.catalogue import Definitions
from yett.configuration.environment import variable
from yett.configuration.model import Configuration
from yett.core.clock import Clock
from yett.core.errors import ConfigurationError, Fault
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.credentials import Armourer
from yett.upstreams import ParkingLot, Route, Transport
from yett.upstreams.config import UpstreamConfig

# All that a stdio server sees of the gate's own environment (T-E01: nothing that changes how a
# program is loaded, no secret).
_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


@final
class UpstreamPool:
    """`on_changed(server)`: told when what a server offers may have changed. `on_updated(server, uri)`:
    when a watched resource did; an empty `uri`: the server is reached in another way from now on, and
    what was watched of it is watched no longer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, tuple[UpstreamConfig, Transport, Route]] = {}
        self._armourer: Armourer | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self.parking = ParkingLot()
        self.on_changed: Callable[[str], None] = lambda _: None
        self.on_updated: Callable[[str, str], None] = lambda _server, _uri: None

    def routes(
        self, configuration: Configuration, folder: Path, *, armourer: Armourer
    ) -> dict[str, Route]:
        """Return a route per configured server; begin what is new, end what is gone or different.

        Raises:
            ConfigurationError: a server's address cannot be used.
        """
        wanted = {
            name: upstream_config(name, section, folder)
            for name, section in configuration.servers.items()
        }
        fresh = {
            name: self._make(config)
            for name, config in wanted.items()
            if name not in self._held or self._held[name][0] != config
        }
        gone = [name for name in self._held if name not in wanted or name in fresh]
        for name in gone:
            self._retire(self._held.pop(name)[1])
        self._held |= fresh
        self._armourer = armourer
        for name in gone:
            self.on_updated(name, "")
        return {name: route for name, (_, _, route) in self._held.items()}

    @property
    def armourer(self) -> Armourer:
        """The one of the snapshot of the moment: who starts a server later gets today's secrets."""
        assert self._armourer is not None  # noqa: S101 - `routes` comes before the first start
        return self._armourer

    def transport(self, server: str) -> Transport:
        return self._held[server][1]

    def unwatch(self, server: str, uri: str) -> None:
        """Undo one watch, if the server is still there."""
        if server in self._held:
            self._held[server][1].unwatch(uri)

    async def close(self) -> None:
        await self.parking.close()
        await asyncio.gather(*(transport.close() for _, transport, _ in self._held.values()))
        await asyncio.gather(*self._closing)

    def _make(self, config: UpstreamConfig) -> tuple[UpstreamConfig, Transport, Route]:
        name = config.name

        async def command() -> tuple[str, ...]:
            parts = await self.armourer.command_for(name)
            return tuple(part.reveal_text() if isinstance(part, Secret) else part for part in parts)

        async def environment() -> dict[str, Secret]:
            return await self.armourer.environment_for(name)

        transport = yett.upstreams.build.build(
            config,
            command=command,
            environment=environment,
            base_environment={
                key: value for key in _INHERITED if (value := variable(key)) is not None
            },
            ssl_context_factory=lambda: _client_context(config),
        )
        transport.on_changed = lambda: self.on_changed(name)
        transport.on_updated = lambda uri: self.on_updated(name, uri)
        return config, transport, yett.upstreams.build.build_route(config, transport, self._clock)

    def _retire(self, transport: Transport) -> None:
        """Close in the background; calls that are under way on it end as the transport ends them."""
        task = asyncio.get_running_loop().create_task(transport.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


@final
class Discovery:
    """What the catalogue asks, answered by the transports: with the server's own credential."""

    def __init__(self, pool: UpstreamPool) -> None:
        self._pool = pool

    async def discover(self, server: str) -> Definitions:
        """List everything that a server offers.

        Raises:
            Fault: it cannot be reached, or its secret cannot be had.
        """
        credential = await self._pool.armourer.lease_for(server)
        found = await self._pool.transport(server).discover(credential)
        return Definitions(
            tools=found.tools,
            prompts=found.prompts,
            resources=found.resources,
            resource_templates=found.resource_templates,
        )


def _client_context(config: UpstreamConfig) -> ssl.SSLContext:
    from yett.upstreams.tls import client_context  # noqa: PLC0415 - only for https

    try:
        return client_context(
            ca=config.ca,
            client_certificate=config.client_certificate,
            client_key=config.client_key,
            pins=config.pins,
        )
    except ConfigurationError as error:
        # They were good when the configuration was taken over; a file has changed since.
        why = "; ".join(problem.message for problem in error.problems)
        raise Fault(Reason.UPSTREAM_UNREACHABLE, f"no TLS with it: {why}") from error
