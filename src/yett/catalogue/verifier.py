"""Holds what is pinned against what the servers show: at the start, each minute, after each reconnect.

Everything here happens on the loop, except that files are read and definitions judged in a thread.
A server whose verification no longer holds is taken out of use until it is verified again.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final, final

from yett.catalogue.board import Board, board_of_pins, make_board, pinned_target
from yett.catalogue.config import CatalogueConfig
from yett.catalogue.definitions import Sight
from yett.catalogue.diff import TextFindings
from yett.catalogue.hurrying import Hurried
from yett.catalogue.judging import Judge
from yett.catalogue.lock import Lock, LockNotSigned, ServerPins, restricted
from yett.catalogue.names import Template, split_name, split_uri
from yett.catalogue.pinning import Classes, pin_first_sight
from yett.catalogue.port import Discoverer, LockStore, RecordEvent, SchemaCheck
from yett.catalogue.reports import Teller, report_changes, report_pins, without_copies
from yett.catalogue.view import View
from yett.core.bounds import REFRESH_SECONDS
from yett.core.clock import Clock, iso_time
from yett.core.errors import ConfigurationError, Fault
from yett.core.operations import Kind
from yett.core.reasons import Reason
from yett.core.target import Target

log: Final = logging.getLogger("yett")

WAIT_SECONDS_MAX: Final = 10.0
DISCOVERY_SECONDS_MAX: Final = 30.0
EVERY_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 1.0
"""Between two verifications of one server, however often it says that something changed."""

FRESH_SECONDS: Final = 5.0
"""After these, whoever calls a tool has its server asked again: what changed unsaid is not called long."""

_NEVER: Final = float("-inf")
_NO_PINS: Final = ServerPins()
_NO_CLASSES: Final = Classes()


@final
class Watch:
    """One server. settled: a verification ended, either way, since it was last needed. is_outdated: it
    changed while it was asked."""

    __slots__ = (
        "ended_at", "fault", "is_outdated", "running", "settled", "sight", "turn", "wanted",
    )  # fmt: skip

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.settled = asyncio.Event()
        self.wanted = asyncio.Event()
        self.running = False
        self.is_outdated = False
        self.ended_at = _NEVER
        self.fault: Fault | None = None
        self.sight: Sight | None = None


@final
class Verifier:
    """classes: what operator and shipped entries say, by server. worked: seconds that the calling thread has
    worked. tools: those that were found in `view`, by the scope and the name that they were asked for by; each new view
    begins without any."""

    def __init__(  # noqa: PLR0913 - what it is made of, put together in one place
        self,
        config: CatalogueConfig,
        *,
        discoverer: Discoverer,
        store: LockStore,
        schema_check: SchemaCheck,
        text_findings: TextFindings,
        record_event: RecordEvent,
        clock: Clock,
        classes: Mapping[str, Classes],
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        self.view = View()
        self.tools: dict[tuple[str | None, str], tuple[Target, Watch]] = {}
        self._config = config
        self._discoverer = discoverer
        self._store = store
        self._text_findings = text_findings
        self._judge = Judge(schema_check, clock.monotonic, text_findings, worked)
        self._tell = Teller(record_event)
        self._clock = clock
        self._worked = worked
        self._classes = classes
        self._watches = {server: Watch() for server in config.servers}
        self._lock_turn = asyncio.Lock()
        self._stamp: Hashable = store.stamp()
        self._lock: Lock = store.read()

    def awaited(self, kind: Kind, server: str | None, name: str) -> str | None:
        """Return the server to wait for before a name is said to mean nothing; None if waiting is no
        use. Only for what is pinned, so that nobody learns from a delay which servers exist."""
        if server is None:
            server, name = split_uri(name) if kind is Kind.RESOURCE else split_name(name)
        if server not in self._watches or server in self.view.trusted:
            return None
        pins = self._lock.servers.get(server)
        if pins is None:
            return server if self._config.pin_at_first_sight else None
        if kind is Kind.RESOURCE:
            return server if pins.resources or pins.resource_templates else None
        return server if name in pins.of(kind) else None

    async def wait(self, server: str) -> Fault | None:
        """Return when the server is verified, or why it could not be, or not in time."""
        watch = self._watches[server]
        if watch.fault is not None and self._rested(watch):
            watch.settled.clear()  # it may be back: one more try for this call
            watch.wanted.set()
        try:
            async with asyncio.timeout(WAIT_SECONDS_MAX):
                await watch.settled.wait()
        except TimeoutError:
            late = f"server `{server}` was not verified in time"
            return Fault(Reason.UPSTREAM_UNREACHABLE, late)
        return watch.fault if server not in self.view.trusted else None

    def unverified(self, kind: Kind, server: str, name: str, why: Fault) -> Target | None:
        """Return what is pinned under a server's own name, marked as out of reach; None if nothing is
        or, as nobody can be asked for permission then, raise why.

        Raises:
            Fault: nothing of this server was ever pinned.
        """
        pins = self._lock.servers.get(server)
        if pins is None:
            raise why
        pin = pins.of(kind).get(name)
        if pin is None and kind is Kind.RESOURCE:
            fitting = (item for item in pins.resource_templates if Template(item).matches(name))
            pin = pins.resource_templates.get(next(fitting, ""))
        if pin is None:
            return None
        operator = self._classes_of(server).operator
        return pinned_target(kind, server, name, pin, operator, unreachable=why.private)

    async def wait_for_first_sight(self, server: str | None) -> None:
        """Return when every server in scope was asked once in this process, or after ten seconds."""
        if len(self.view.boards) == len(self._watches):
            return
        scope = self._watches if server is None else self._watches.keys() & {server}
        pending = [
            self._watches[name].settled.wait()
            for name in scope
            # One that could not be reached is tried again for its callers, and keeps no others waiting.
            if self._watches[name].ended_at == _NEVER and not self._watches[name].settled.is_set()
        ]
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS_MAX):
                await asyncio.gather(*pending)

    def find(self, kind: Kind | None, server: str | None, name: str) -> tuple[Target, Watch] | None:
        """Return what a name means, and the watch over its server. A tool is found in `tools` from now on."""
        target = None if kind is None else self.view.find(kind, server, name)
        if target is None:
            return None
        found = target, self._watches[target.server]
        if kind is Kind.TOOL:  # of which nobody can make up one that is found
            self.tools[server, name] = found
        return found

    def used(self, server: str, at: float) -> None:
        """Have a server asked again soon if it was last asked a while ago. at: monotonic, when the call
        came; it does not wait."""
        watch = self._watches.get(server)
        if watch is not None and at - watch.ended_at > FRESH_SECONDS and not watch.running:
            watch.wanted.set()

    def changed(self, server: str) -> None:
        watch = self._watches.get(server)
        if watch is None:  # a connection that outlived its server's configuration
            return
        watch.wanted.set()
        if watch.running:
            watch.is_outdated = True
        else:
            watch.settled.clear()
            self._publish(server, None)

    def refresh(self) -> bool:
        stamp = self._store.stamp()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        self._take_lock(self._store.read())
        return True

    async def watch(self) -> None:
        self._judge.begin()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_lock_current())
                for server in self._watches:
                    group.create_task(self._keep_verified(server))
        finally:
            self._judge.stop()

    async def verify(self, server: str) -> None:
        watch = self._watches[server]
        async with watch.turn:
            try:
                await self._look(server, watch)
                if watch.is_outdated:
                    # It changed while it was asked, so what it said may be of the past; or it was only asked
                    # for the first time on this connection, which is why it is not asked again and again.
                    self._publish(server, None)
                    watch.wanted.clear()
                    await self._look(server, watch)
            finally:
                watch.settled.set()

    async def _look(self, server: str, watch: Watch) -> None:
        watch.running, watch.is_outdated = True, False
        try:
            async with asyncio.timeout(DISCOVERY_SECONDS_MAX):
                definitions = await self._discoverer.discover(server)
                pins = self._lock.servers.get(server, _NO_PINS)
                sight = await self._judge.examine(server, definitions, pins)
                await self._pin_first_sight(server, sight)
        except Fault as fault:
            self._lose(server, watch, fault)
        except TimeoutError:
            late = Fault(Reason.UPSTREAM_TIMEOUT, f"server `{server}` did not list in time")
            self._lose(server, watch, late)
        except Exception as bug:
            # It must neither keep other servers from being verified, nor its own from being judged.
            log.exception("server `%s` could not be judged", server)
            self._publish(server, None)
            self._lose(server, watch, Fault(Reason.INTERNAL_ERROR, type(bug).__name__))
        else:
            self._learn(server, watch, sight)
        finally:
            watch.running = False
            watch.ended_at = self._clock.monotonic()

    async def _keep_verified(self, server: str) -> None:
        watch = self._watches[server]
        patience = PAUSE_SECONDS
        while True:
            watch.wanted.clear()
            await self.verify(server)
            patience = EVERY_SECONDS if watch.fault is None else min(2 * patience, EVERY_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await watch.wanted.wait()
            if not self._rested(watch):
                await asyncio.sleep(PAUSE_SECONDS)

    async def _keep_lock_current(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            self._tell.flush()
            async with self._lock_turn:
                await self._read_lock_if_changed()

    async def _read_lock_if_changed(self) -> None:
        stamp = self._store.stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            lock = await asyncio.to_thread(self._store.read)
        except LockNotSigned as error:
            self._tell({"event": "lock.not_signed", "problem": str(error), "alert": "high"})
            self._take_lock(restricted(self._lock, error.lock))
        except ConfigurationError as error:
            self._tell({"event": "lock.damaged", "problem": str(error), "alert": "high"})
        else:
            self._take_lock(lock)

    async def _pin_first_sight(self, server: str, sight: Sight) -> None:
        if not self._config.pin_at_first_sight or server in self._lock.servers:
            return
        findings = Hurried(self._text_findings, self._worked)
        change: Callable[[Lock], Lock] = partial(
            pin_first_sight,
            server=server,
            sight=sight,
            classes=self._classes_of(server),
            at=iso_time(self._clock.wall()),
            text_findings=findings,
        )
        async with self._lock_turn:
            try:
                lock = await asyncio.to_thread(self._store.update, change)
            except ConfigurationError as error:
                raise Fault(Reason.INTERNAL_ERROR, str(error)) from error
            self._stamp = None  # somebody may have written after us: read it again soon
            self._take_lock(lock)
        pins = lock.servers.get(server, _NO_PINS)
        report_pins(server, pins, self._tell, findings)  # which knows them all by now

    def _learn(self, server: str, watch: Watch, sight: Sight) -> None:
        if watch.fault is not None:
            self._tell({"event": "server.reachable", "server": server})
        watch.fault = None
        before = self.view.boards.get(server)
        pins = self._lock.servers.get(server, _NO_PINS)
        board = make_board(server, pins, sight, self._classes_of(server).operator)
        report_changes(server, before, board, pins, sight, self._tell)
        watch.sight = without_copies(sight, pins)
        self._publish(server, board)

    def _lose(self, server: str, watch: Watch, fault: Fault) -> None:
        if watch.fault is None:
            self._tell(
                {
                    "event": "server.unreachable",
                    "server": server,
                    "reason": fault.reason.value,
                    "problem": fault.private,
                }
            )
        watch.fault = fault
        if server not in self.view.boards:
            self._show_pins(server)

    def _show_pins(self, server: str) -> None:
        """List what is approved of a server that was never seen: away is not gone."""
        pins = self._lock.servers.get(server)
        if pins is not None:
            board = board_of_pins(server, pins, self._classes_of(server).operator)
            self._publish(server, board, trusted=False)

    def is_away(self, server: str) -> bool:
        """Tell whether the last verification of a server failed."""
        watch = self._watches.get(server)
        return watch is not None and watch.fault is not None

    def problems(self) -> dict[str, str]:
        """Return why, for each server that is away. Private: for operators, once redacted."""
        return {
            server: watch.fault.private
            for server, watch in self._watches.items()
            if watch.fault is not None
        }

    def _take_lock(self, lock: Lock) -> None:
        """Judge again what was seen last; whether it is still shown is for the next verification."""
        old, self._lock = self._lock, lock
        for server, watch in self._watches.items():
            pins = lock.servers.get(server, _NO_PINS)
            if pins is old.servers.get(server, _NO_PINS):
                continue
            before = self.view.boards.get(server)
            if watch.sight is None and watch.fault is not None:
                self._show_pins(server)
            if watch.sight is None or before is None:
                continue
            board = make_board(server, pins, watch.sight, self._classes_of(server).operator)
            report_changes(server, before, board, pins, watch.sight, self._tell)
            self._publish(server, board, trusted=server in self.view.trusted)

    def _publish(self, server: str, board: Board | None, *, trusted: bool = True) -> None:
        """Swap in a view with this board. None: calls have to wait, lists go on."""
        boards, trusting = self.view.boards, self.view.trusted
        if board is not None:
            found = {**boards, server: board}
            boards = {name: found[name] for name in self._config.servers if name in found}
        trusting = {name: kept for name, kept in trusting.items() if name != server}
        if board is not None and trusted:
            trusting[server] = board
        self.view, self.tools = View(boards, trusting, {}), {}

    def _rested(self, watch: Watch) -> bool:
        return self._clock.monotonic() - watch.ended_at >= PAUSE_SECONDS

    def _classes_of(self, server: str) -> Classes:
        return self._classes.get(server, _NO_CLASSES)
