"""The gate as a running thing: the snapshot of the moment, and what keeps it current."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, final

import msgspec

from yett.app.assemble import Snapshot, assemble
from yett.app.estate import Estate
from yett.app.indexing import keep_indexed
from yett.app.outcomes import Outcomes
from yett.app.people import keep_telling
from yett.app.proving import load_proved
from yett.app.servers import policy_files
from yett.app.shadow import shadow_file
from yett.app.telling import reloaded, started, stopped
from yett.app.upstream_pool import UpstreamPool
from yett.app.watching import keep_watching
from yett.audit.outbox import drain_outbox
from yett.audit.retention import prune
from yett.authorization.build import read_ahead
from yett.authorization.shadowing import Shadow
from yett.configuration.load import Loaded, fingerprint, located
from yett.configuration.model import Configuration
from yett.core import bounds
from yett.core.clock import Clock
from yett.core.errors import ConfigurationError, Refusal
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.edge.gate import Begun, Kept
from yett.limits.notices import Notices
from yett.limits.orders import Orders
from yett.limits.strangers import Strangers

log: Final = logging.getLogger("yett")

_PRUNE_EVERY_SECONDS: Final = 86_400.0
_AT_START_ONLY: Final = (
    "mode",
    "listen",
    "admin",
    "discovery",
    "tls",
    "vault",
    "audit",
    "telemetry",
    "storage",
    "counters",
    "node",
)


@final
class Gateway:
    """Implements `yett.edge.Gate`. `estate.on_catalogue_change`: told when listings may differ now.
    fingerprints: of the files that the snapshot was made of, from before they were read."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        config_path: Path,
        fingerprints: tuple[object, ...],
        estate: Estate,
        pool: UpstreamPool,
    ) -> None:
        self.estate = estate
        self._snapshot = snapshot
        self.handle = snapshot.pipeline.handle
        self._config_path = config_path
        self._fingerprints = fingerprints
        self._pool = pool
        self._tasks: list[asyncio.Task[None]] = []
        self._refreshers: list[Callable[[], object]] = []
        self._outcomes = Outcomes(estate.database, estate.clock)
        self._orders = Orders(estate.database, estate.limits)
        pool.on_changed = self._server_changed
        pool.on_updated = self._resource_updated
        pool.parking.on_given_up = self._call_given_up

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    # -- yett.edge.Gate

    def knows(self, credential: Secret | None) -> bool:
        try:
            self._snapshot.authenticator.recognise(credential)
        except Refusal:
            return False  # the pipeline says so again, and records it
        return True

    async def begin_once(self, credential: Secret | None, name: bytes, asked: bytes) -> Begun:
        try:
            principal = self._snapshot.authenticator.recognise(credential)
        except Refusal:
            return Begun("stranger")  # the pipeline says so, and records it
        if credential is None:
            return Begun("stranger")
        try:
            return await self._outcomes.begin(principal.id, credential, name, asked)
        except Refusal as refusal:
            log.warning("a call with an Idempotency-Key: %s", refusal.private)
            return Begun("away")

    async def end_once(
        self, begun: Begun, credential: Secret | None, name: bytes, kept: Kept | None
    ) -> None:
        if credential is None:
            return
        try:
            await self._outcomes.end(begun, credential, name, kept)
        except Refusal as refusal:  # it is not made again, and its answer is lost
            log.warning("not kept: the answer to an Idempotency-Key: %s", refusal.private)

    def is_live(self, principal_id: str) -> bool:
        return self._snapshot.authenticator.is_live(principal_id)

    def release(self, server: str, uri: str) -> None:
        self._pool.unwatch(server, uri)

    def is_ready(self) -> bool:
        try:
            self.estate.auditor.check()
        except Refusal:
            return False
        if not self._snapshot.authenticator.is_current:
            return False
        shared = self.estate.limits.shared
        return shared is None or shared.is_ready

    # -- life

    def start(self) -> None:
        """Begin to watch servers, keys, secrets, approvals and the configuration."""
        loop = asyncio.get_running_loop()
        self._tell(started(self._snapshot.configuration, self._config_path))
        self.estate.signing.start()
        self.estate.shipping.start()
        telling = keep_telling(self.estate, lambda: self._snapshot.configuration)
        self._tasks = [
            loop.create_task(self._keep_current()),
            loop.create_task(self._keep_pruned()),
            loop.create_task(telling),
            loop.create_task(self.estate.gathering.keep_handing_on()),
            loop.create_task(
                keep_indexed(self.estate, self._snapshot.configuration.audit, self._config_path)
            ),
            loop.create_task(keep_watching(self.estate, lambda: self._snapshot.configuration)),
            self._watch_servers(),  # the last, which `reload` replaces
        ]

    async def first_sight(self, seconds: float) -> None:
        """Return when every server was asked once what it offers, or after so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._snapshot.catalogue.wait_for_first_sight()

    def also_refresh(self, refresher: Callable[[], object]) -> None:
        """Call `refresher` once a second too, from a thread."""
        self._refreshers.append(refresher)

    async def close(self) -> None:
        """Stop watching, end the servers, write what is left."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._pool.close()
        self._outcomes.close()
        if self.estate.limits.shared is not None:
            await self.estate.limits.shared.rest()
        try:
            await asyncio.to_thread(self._refresh_stores)
            self._report_counts(last=True)
            self._tell(stopped())
        finally:
            self.estate.close()

    async def _keep_pruned(self) -> None:
        """Beside the rest: in a long log it may take longer than keys may go unread."""
        while True:
            await self._prune()
            await asyncio.sleep(_PRUNE_EVERY_SECONDS)

    async def _keep_current(self) -> None:
        while True:
            await asyncio.sleep(bounds.REFRESH_SECONDS)
            try:
                await self.refresh()
            except Exception:  # the next look may go well; without any, keys and secrets go stale
                log.exception("refresh")
            self._keep_the_books()
            self._report_counts()

    def _keep_the_books(self) -> None:
        """Write down how calls ended, and what operators said that they cost."""
        try:
            self._orders.carry_out()
            self.estate.limits.ledger.flush()
        except OSError as error:
            log.warning("the ledger cannot be written: %s", error.strerror)
        self.estate.limits.watch_the_clock()

    def _report_counts(self, *, last: bool = False) -> None:
        """Record what has no record of its own: refusals of strangers, what limits have to tell, and what a
        shadow would have done."""
        counting: list[Strangers | Shadow | Notices] = [
            self.estate.limits.strangers,
            self.estate.limits.notices,
            self.estate.admin_strangers,
        ]
        shadow = self._snapshot.pipeline.authorization.shadow
        if shadow is not None:
            counting.append(shadow)
        for counted in counting:
            try:
                counted.report(self.estate.record, last=last)
            except Refusal as refusal:
                log.warning("not recorded yet: what was only counted: %s", refusal.private)

    async def _prune(self) -> None:
        """Let go of records that are older than the retention."""
        configuration = self._snapshot.configuration
        production = configuration.mode == "production"
        try:
            await asyncio.to_thread(
                prune,
                self.estate.auditor,
                configuration.audit,
                self.estate.clock,
                production=production,
                database=self.estate.database,
            )
        except Refusal as refusal:
            log.warning("old records not deleted: %s", refusal.private)
        except OSError as error:
            log.warning("old records not deleted: %s", error.strerror)

    async def refresh(self) -> None:
        """Take over what changed on disk. A store that fails is tried again; the stage that needs it
        refuses by itself when it has been out of reach for too long."""
        try:
            if await asyncio.to_thread(self._refresh_stores):
                self.estate.on_catalogue_change()
        except Refusal as refusal:
            log.warning("refresh: %s", refusal.private)
        self._pool.renew()
        self.estate.labels.take_over()
        if self._look_at_files(self._snapshot.configuration) != self._fingerprints:
            await asyncio.to_thread(self._read_ahead)
            self.reload()

    def _read_ahead(self) -> None:
        """Thousands of policies take seconds to read, and calls go on meanwhile."""
        with contextlib.suppress(ConfigurationError):  # `reload` says what is wrong
            files = policy_files(self._snapshot.configuration, self._snapshot.folder)
            read_ahead(files, self.estate.policy_reader)

    def reload(self) -> bool:
        """Swap in the configuration on disk; one that cannot be used leaves the old one serving."""
        self._fingerprints = self._look_at_files(self._snapshot.configuration)
        try:
            loaded = load_proved(self._config_path, data=self.estate.data, clock=self.estate.clock)
            configuration = self._without_what_needs_a_restart(loaded.configuration)
            seen = (loaded.fingerprint, *_of_policies(configuration, self.estate.data))
            fresh = assemble(
                configuration,
                folder=self._snapshot.folder,
                estate=self.estate,
                pool=self._pool,
                before=self._snapshot,
            )
        except (ConfigurationError, Refusal) as error:
            if isinstance(error, ConfigurationError):
                located(error, self._config_path)
            why = error.private if isinstance(error, Refusal) else _lines(error)
            log.warning("configuration not taken over, the old one goes on serving: %s", why)
            self._tell({"event": "configuration.refused", "why": why[:500]})
            return False
        old, self._snapshot, self.handle = self._snapshot, fresh, fresh.pipeline.handle
        self._fingerprints = seen
        if fresh.catalogue is not old.catalogue and self._tasks:
            self._tasks.pop().cancel()
            self._tasks.append(self._watch_servers())
        self._tell(reloaded(configuration, self._config_path))
        log.info("configuration reloaded")
        self.estate.on_catalogue_change()
        return True

    def _tell(self, event: dict[str, JSON]) -> None:
        """Record what cannot be undone any more; the log that cannot take it refuses calls by itself."""
        try:
            self.estate.auditor.event(event)
        except Refusal as refusal:
            log.warning("not recorded: %s: %s", event["event"], refusal.private)

    def _refresh_stores(self) -> bool:
        """Read what commands changed; runs in a thread. Returns whether listings may differ."""
        for refresher in self._refreshers:
            refresher()
        snapshot = self._snapshot
        changed = snapshot.authenticator.refresh()
        snapshot.armourer.refresh()
        self.estate.labels.save()
        self.estate.approvals.sweep()
        self._orders.read()
        if drain_outbox(self.estate.record, self.estate.database):
            # A command waits until its event is gone from the outbox: then it must be in effect.
            changed |= snapshot.authenticator.refresh()
            snapshot.armourer.refresh()
            self._orders.read()
        return changed

    def _server_changed(self, server: str) -> None:
        self._snapshot.catalogue.changed(server)
        self.estate.on_catalogue_change()

    def _call_given_up(self, owner: str, record: str) -> None:
        self._tell({"event": "call.given_up", "actor": "gate", "caller": owner, "id": record})

    def _resource_updated(self, server: str, uri: str) -> None:
        self.estate.on_resource_update(server, uri)

    def _look_at_files(self, configuration: Configuration) -> tuple[object, ...]:
        """What changes when the configuration or a policy file does."""
        return fingerprint(self._config_path), *_of_policies(configuration, self.estate.data)

    def _watch_servers(self) -> asyncio.Task[None]:
        catalogue = self._snapshot.catalogue

        async def watch() -> None:
            while True:
                try:
                    await catalogue.watch()
                except Exception:  # what is not verified is refused; say why, and go on verifying
                    log.exception("watching the servers")
                await asyncio.sleep(bounds.REFRESH_SECONDS)

        return asyncio.get_running_loop().create_task(watch())

    def _without_what_needs_a_restart(self, configuration: Configuration) -> Configuration:
        """Keep these sections as they were: half of a section taken over would be neither of the two."""
        held = {name: getattr(self._snapshot.configuration, name) for name in _AT_START_ONLY}
        for name, old in held.items():
            if getattr(configuration, name) != old:
                log.warning("`%s` changed; it takes effect at the next start", name)
        return msgspec.structs.replace(configuration, **held)


def open_gateway(
    config_path: Path, *, data: Path, clock: Clock, loaded: Loaded | None = None
) -> Gateway:
    """Load, open and assemble everything; nothing listens yet. Call it inside the event loop. loaded: the
    configuration, if it was loaded already.

    Raises:
        ConfigurationError: all problems of the configuration at once.
        CommandError: the data directory is in use or cannot be used.
        Fault: a store did not answer.
    """
    loaded = load_proved(config_path, data=data, clock=clock, loaded=loaded)
    configuration = loaded.configuration
    fingerprints = (loaded.fingerprint, *_of_policies(configuration, data))
    estate = Estate(configuration, data=data, clock=clock)
    pool = UpstreamPool(clock)
    try:
        snapshot = assemble(
            configuration, folder=config_path.resolve().parent, estate=estate, pool=pool
        )
    except BaseException:
        estate.close()
        raise
    return Gateway(
        snapshot, config_path=config_path, fingerprints=fingerprints, estate=estate, pool=pool
    )


def _of_policies(configuration: Configuration, data: Path) -> tuple[object, ...]:
    tried = shadow_file(data)
    files = sorted(Path(configuration.policies).glob("*.cedar"))
    return tuple(map(fingerprint, [*files, tried] if tried else files))


def _lines(error: ConfigurationError) -> str:
    return "; ".join(map(str, error.problems))
