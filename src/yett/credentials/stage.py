"""With which secret? Fetch it as late as possible, for one server, and write down that it was fetched.

Leases live in two dictionaries that `refresh` replaces as a whole. Whoever fetches puts the value
into the dictionary that was current when the fetch began, so a value that was read before a rotation
can never outlive it.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, final

import msgspec

from yett.core.clock import Clock
from yett.core.errors import Fault
from yett.core.proofs import Admitted, Armed, Credential
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.credentials.headers import HeaderForm, make_header
from yett.credentials.honeytokens import HONEYTOKEN, Lookout
from yett.credentials.port import SecretSource
from yett.credentials.references import Template
from yett.credentials.watching import Traps, Watch

_DISCOVERY = "discovery"
_START = "start"


@final
class Plan(msgspec.Struct, frozen=True):
    """What one server is given: headers with each call, environment and command at its start."""

    headers: tuple[HeaderForm, ...] = ()
    environment: tuple[tuple[str, Template], ...] = ()
    command: tuple[Template, ...] = ()


@final
class _Ready(msgspec.Struct, frozen=True):
    credential: Credential
    until: float


@final
class _Held(msgspec.Struct, frozen=True):
    value: Secret
    until: float


@final
class Armourer:
    """`plans`: for each configured server. `sources`: by scheme; a scheme without one is refused.
    `record_event`: takes the record of a retrieval; if it raises, the value is not used. `honeytokens`:
    reads them. `cut`: revokes a key, soon. `look_out`: asked about each call, before anything else; None:
    there are no honeytokens. `changes`: another object whenever a value may have changed."""

    def __init__(
        self,
        *,
        plans: Mapping[str, Plan],
        sources: Mapping[str, SecretSource],
        clock: Clock,
        record_event: Callable[[dict[str, Any]], None],
        lease_seconds: float,
        honeytokens: Callable[[], Traps],
        cut: Callable[[str], None],
    ) -> None:
        self.watch = Watch(honeytokens, clock.monotonic, record_event, cut)
        self.look_out: Lookout | None = None
        self._plans = dict(plans)
        self._sources = dict(sources)
        self._monotonic = clock.monotonic
        self._record_event = record_event
        self._lease_seconds = lease_seconds
        # One retrieval at a time for each server: a crowd that finds no lease asks once.
        self._locks = {server: asyncio.Lock() for server in self._plans}
        self._ready: dict[str, _Ready] = {}
        self._held: dict[tuple[str, str], _Held] = {}
        self._marks: object = None
        self.changes = object()

    def lease(self, admitted: Admitted) -> Armed | None:
        """Add the credential that is on lease; None: there is none, see `arm`."""
        monotonic = self._monotonic
        ready = self._ready.get(admitted.validated.permitted.target.server)
        if ready is None or ready.until <= monotonic():
            return None
        return Armed(admitted, ready.credential)

    async def arm(self, admitted: Admitted) -> Armed:
        """Add the credential of the target's server; the caller's own is not looked at.

        Raises:
            Fault: a secret is missing, belongs to another server, cannot be sent or recorded.
        """
        permitted = admitted.validated.permitted
        ready = await self._make_ready(permitted.target.server, permitted.call.id)
        return Armed(admitted, ready.credential)

    async def lease_for(self, server: str) -> Credential:
        """Return the credential with which Yett itself asks a server what it offers, and says what it says beside
        the calls.

        Raises:
            Fault: as for `arm`.
        """
        return (await self._make_ready(server, _DISCOVERY)).credential

    async def environment_for(self, server: str) -> dict[str, Secret]:
        """Return the environment of a stdio server, references resolved.

        Raises:
            Fault: as for `arm`, or a value holds NUL.
        """
        plan = self._plan(server)
        async with self._locks[server]:
            return {
                name: Secret(await self._fill(server, template))
                for name, template in plan.environment
            }

    async def command_for(self, server: str) -> tuple[Secret | str, ...]:
        """Return the command of a stdio server: a `Secret` where `{secret:NAME}` was filled in.

        What is filled in here can be read by every process of the same user, and often of the whole
        machine, in `/proc/PID/cmdline` for as long as the server runs (CWE-214). It exists for servers
        that accept a secret in no other way; `env` is the better place.

        Raises:
            Fault: as for `arm`, or a value holds NUL.
        """
        plan = self._plan(server)
        async with self._locks[server]:
            return tuple(
                [
                    Secret(await self._fill(server, template))
                    if template.references
                    else template.literals[0]
                    for template in plan.command
                ]
            )

    def take_over(self, watch: Watch) -> None:
        """Go on looking for the honeytokens that another one looked for."""
        self.watch, self.look_out = watch, watch.look_out

    def refresh(self) -> None:
        """End every lease if a secret may have changed. Called each second, from any thread.

        Raises:
            Fault: a source could not be asked. The leases have ended all the same: a value that may
                have been rotated since is not used (promise 11).
        """
        unchanged = False
        try:
            marks = {scheme: source.mark() for scheme, source in self._sources.items()}
            unchanged = marks == self._marks
            if not unchanged:
                self.changes = object()
            self._marks = marks
        finally:
            if not unchanged:
                self._held, self._ready = {}, {}
        try:
            self.watch.keep(anew=not unchanged)
        finally:
            self.look_out = self.watch.look_out

    async def _make_ready(self, server: str, purpose: str) -> _Ready:
        plan = self._plan(server)
        async with self._locks[server]:
            current = self._ready
            ready = current.get(server)
            if ready is not None and ready.until > self._monotonic():
                return ready
            until = self._monotonic() + self._lease_seconds
            headers = []
            for form in plan.headers:
                held = await self._hold(server, form.reference, purpose)
                until = min(until, held.until)
                headers.append(make_header(form, held.value))
            names = tuple(form.reference for form in plan.headers)
            ready = current[server] = _Ready(Credential(tuple(headers), names), until)
            return ready

    async def _fill(self, server: str, template: Template) -> bytes:
        filled = template.literals[0].encode()
        for reference, literal in zip(template.references, template.literals[1:], strict=True):
            held = await self._hold(server, reference, _START)
            filled += held.value.reveal() + literal.encode()
        if b"\0" in filled:
            names = ", ".join(template.references)
            raise Fault(
                Reason.INTERNAL_ERROR, f"the value of `{names}` holds NUL, no process takes it"
            )
        return filled

    async def _hold(self, server: str, reference: str, purpose: str) -> _Held:
        """Return a value on lease, fetching it if there is none. The server's lock is held."""
        current = self._held
        held = current.get((server, reference))
        if held is not None and held.until > self._monotonic():
            return held
        scheme, _, name = reference.partition(":")
        source = self._sources.get(scheme)
        if source is None:
            raise Fault(
                Reason.INTERNAL_ERROR,
                f"`{reference}` of server `{server}` cannot be used: there is no source `{scheme}:`"
                " in this mode",
            )
        until = self._monotonic() + self._lease_seconds
        leased = await source.fetch(name, server=server)
        if HONEYTOKEN in leased.servers:
            self._record_event(
                {
                    "event": "secret.honeytoken",
                    "alert": "high",
                    "actor": "gate",
                    "name": name,
                    "server": server,
                    "for": purpose,
                }
            )
        if server not in leased.servers:
            raise Fault(
                Reason.INTERNAL_ERROR,
                f"`{reference}` is not for server `{server}`, only for: "
                + (", ".join(leased.servers) or "none"),
            )
        self._record_event(
            {
                "event": "secret.retrieved",
                "name": name if scheme == "secret" else reference,
                "version": leased.version,
                "server": server,
                "for": purpose,
            }
        )
        held = current[server, reference] = _Held(leased.value, until)
        return held

    def _plan(self, server: str) -> Plan:
        plan = self._plans.get(server)
        if plan is None:
            raise Fault(Reason.INTERNAL_ERROR, f"server `{server}` is not in the configuration")
        return plan
