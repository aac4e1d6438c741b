"""The transports to the servers: one each, kept across reloads as long as its configuration is the same."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar, final

import msgspec

import yett.upstreams.build
from yett.app.servers import upstream_config
from yett.catalogue import Definitions
from yett.configuration.environment import variable
from yett.configuration.model import Configuration
from yett.core.clock import Clock
from yett.core.errors import ConfigurationError, Fault, Refusal
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.credentials import Armourer
from yett.upstreams import ParkingLot, Route, Transport
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.port import Discovered

# All that a stdio server sees of the gate's own environment (T-E01: nothing that changes how a
# program is loaded, no secret).
_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")

_Given = tuple[Secret | str, ...] | dict[str, Secret]
_Value = TypeVar("_Value", tuple[Secret | str, ...], dict[str, Secret])


@final
class _Supply:
    """What one transport gets its secrets from: the armourer of the snapshot of the moment. A transport that was
    replaced keeps the one that it had last: what is current since may be meant for another address."""

    __slots__ = ("_given", "_seen", "_server", "armourer")

    def __init__(self, server: str, armourer: Armourer) -> None:
        self._server = server
        self.armourer = armourer
        self._given: list[_Given] = []  # what processes were started with
        self._seen: object = None

    async def command(self) -> tuple[str, ...]:
        parts = await self._give(self.armourer.command_for)
        return tuple(part.reveal_text() if isinstance(part, Secret) else part for part in parts)

    async def environment(self) -> dict[str, Secret]:
        return await self._give(self.armourer.environment_for)

    async def _give(self, fetch: Callable[[str], Awaitable[_Value]]) -> _Value:
        changes = self.armourer.changes
        given = await fetch(self._server)
        if changes is not self.armourer.changes:
            self._seen = None  # it may be older
        if given not in self._given:
            self._given.append(given)
        return given

    async def is_outdated(self) -> bool:
        """Tell whether a process was started with what has changed since, or may not be had any more; once."""
        changes = self.armourer.changes
        if self._seen is changes or not self._given:
            return False
        self._seen = changes
        try:
            current: list[_Given] = [
                await self.armourer.command_for(self._server),
                await self.armourer.environment_for(self._server),
            ]
        except Refusal:
            current = []
        given, self._given = self._given, [one for one in self._given if one in current]
        return len(self._given) < len(given)

    async def lease(self) -> Credential:
        return await self.armourer.lease_for(self._server)


@final
class _Held(msgspec.Struct, frozen=True):
    config: UpstreamConfig
    supply: _Supply
    transport: Transport
    route: Route


@final
class UpstreamPool:
    """`on_changed(server)`: told when what a server offers may have changed. `on_updated(server, uri)`:
    when a watched resource did; an empty `uri`: the server is reached in another way from now on, and
    what was watched of it is watched no longer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._renewing: asyncio.Task[None] | None = None
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
            name: self._make(config, armourer)
            for name, config in wanted.items()
            if name not in self._held or self._held[name].config != config
        }
        gone = [name for name in self._held if name not in wanted or name in fresh]
        for name in gone:
            self._retire(self._held.pop(name).transport)
        self._held |= fresh
        for held in self._held.values():
            held.supply.armourer = armourer
        for name in gone:
            self.on_updated(name, "")
        return {name: held.route for name, held in self._held.items()}

    def transport(self, server: str) -> Transport:
        return self._held[server].transport

    async def discover(self, server: str) -> Discovered:
        """List everything that a server offers, with its own credential.

        Raises:
            Fault: it cannot be reached, or its secret cannot be had.
        """
        held = self._held[server]
        return await held.transport.discover(await held.supply.lease())

    def renew(self) -> None:
        """Have every program that was started with a secret which has changed started anew, in the background."""
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.get_running_loop().create_task(self._renew())

    async def _renew(self) -> None:
        for held in list(self._held.values()):
            if await held.supply.is_outdated():
                self._begin(held.transport.renew())

    def unwatch(self, server: str, uri: str) -> None:
        """Undo one watch, if the server is still there."""
        if server in self._held:
            self._held[server].transport.unwatch(uri)

    async def close(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait({self._renewing})
        await self.parking.close()
        await asyncio.gather(*(held.transport.close() for held in self._held.values()))
        await asyncio.gather(*self._background)

    def _make(self, config: UpstreamConfig, armourer: Armourer) -> _Held:
        name = config.name
        supply = _Supply(name, armourer)
        transport = yett.upstreams.build.build(
            config,
            command=supply.command,
            environment=supply.environment,
            lease=supply.lease,
            base_environment={
                key: value for key in _INHERITED if (value := variable(key)) is not None
            },
            ssl_context_factory=lambda: _client_context(config),
        )
        transport.on_changed = lambda: self.on_changed(name)
        transport.on_updated = lambda uri: self.on_updated(name, uri)
        route = yett.upstreams.build.build_route(config, transport, self._clock)
        return _Held(config, supply, transport, route)

    def _retire(self, transport: Transport) -> None:
        """Calls that are under way on it end as the transport ends them."""
        self._begin(transport.close())

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """In the background; `close` waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


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
        found = await self._pool.discover(server)
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
