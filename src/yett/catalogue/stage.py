"""Stage 2: say which approved definition a name means, and that the server still shows exactly it.

What is listed comes from the pins and never from the server, so two callers see one definition, and
a server cannot show one thing and do another.
"""

from typing import Final, final

import msgspec

from yett.catalogue.names import own_name
from yett.catalogue.showing import NOTHING_ALTERED, Altered, show_page
from yett.catalogue.verifier import FRESH_SECONDS, Verifier
from yett.core.call import Call
from yett.core.errors import Denied
from yett.core.operations import OPERATIONS, Kind
from yett.core.proofs import Identified, Inventory, PermittedList, Resolved
from yett.core.reasons import Reason
from yett.core.seal import Sealer, SealError
from yett.core.target import JSON, Target
from yett.core.tasks import TaskAsked, open_task

_NAME_SHOWN_CHARS_MAX: Final = 200
_CALL_TOOL: Final = OPERATIONS["tools/call"]


@final
class Catalogue:
    """`watch` has to run beside it: it verifies, again and again, and takes over approvals.

    altered: of tools that are not shown quite as they are."""

    __slots__ = ("_altered", "_sealer", "_verifier")

    def __init__(
        self, verifier: Verifier, sealer: Sealer, altered: Altered = NOTHING_ALTERED
    ) -> None:
        self._altered = altered
        self._verifier = verifier
        self._sealer = sealer

    async def watch(self) -> None:
        """Keep everything verified, until cancelled."""
        await self._verifier.watch()

    async def wait_for_first_sight(self) -> None:
        """Return when every server was asked once, or after ten seconds."""
        await self._verifier.wait_for_first_sight(None)

    async def verify(self, server: str) -> None:
        """Ask one server now what it offers. A failure is kept, not raised."""
        await self._verifier.verify(server)

    def changed(self, server: str) -> None:
        """Tell that what a server offers may have changed; its calls wait for the verification."""
        self._verifier.changed(server)

    def refresh(self) -> bool:
        """Read `yett.lock` again if it changed, and say whether it did. `watch` does so each second.

        Raises:
            ConfigurationError: it is damaged; what was pinned before still holds.
        """
        return self._verifier.refresh()

    def find(self, identified: Identified) -> Resolved | None:
        """Find what is meant, if it can be told at once, as nearly always; None: see `resolve`."""
        call = identified.call
        if call.task is not None:
            return None
        verifier = self._verifier
        is_call = call.operation is _CALL_TOOL
        found = verifier.tools.get((call.server, call.name)) if is_call else None
        if found is None:
            found = verifier.find(call.operation.kind, call.server, call.name)
            if found is None:
                return None
        target, watch = found
        if call.started - watch.ended_at > FRESH_SECONDS:
            verifier.used(target.server, call.started)
        return Resolved(call, identified.principal, target)

    async def resolve(self, identified: Identified) -> Resolved:
        """Find what is meant. A target that is quarantined or out of reach is returned as such: to
        refuse it before it is known that the caller may see it would tell that it exists.

        Raises:
            Denied: UNKNOWN_TOOL for whatever is not pinned, not shown, or spelled another way.
            Fault: the server was never seen, so nobody can say what is permitted there.
        """
        call = identified.call
        kind = call.operation.kind
        if kind is None:
            raise Denied(Reason.UNKNOWN_TOOL, f"`{call.operation.method}` is about nothing")
        if call.task is not None and call.task.id:
            return await self._resolve_task(identified, call.task)
        target = self._verifier.view.find(kind, call.server, call.name)
        if target is None and kind is Kind.TOOL and call.server is None:
            target = self._verifier.view.find_alias(call.name)
        if target is None:
            target = await self._find_later(call, kind)
        self._verifier.used(target.server, call.started)
        return Resolved(call, identified.principal, target)

    async def take_inventory(self, identified: Identified) -> Inventory:
        """Collect everything in use in the scope of the call. A server that was not verified yet is
        waited for; one that never could be is left out."""
        call = identified.call
        await self._verifier.wait_for_first_sight(call.server)
        targets = self._verifier.view.take((call.server, call.operation.kind))
        return Inventory(call, identified.principal, targets)

    def show(self, permitted: PermittedList) -> dict[str, JSON]:
        """Answer a list: the pinned definitions, under their public names on `/mcp`.

        Raises:
            Denied: INVALID_STATE, the cursor is not of this caller and this list, or too old.
        """
        return show_page(permitted, self._sealer, self._verifier.is_away, self._altered)

    def describe(self, permitted: PermittedList) -> dict[str, JSON]:
        """What `/v1/key` says of the tools that the caller may use."""
        return {
            "tools": [
                {"name": target.name, "server": target.server, "access": target.access}
                for target in permitted.targets
                if target.kind is Kind.TOOL
            ]
        }

    def report(self) -> list[dict[str, JSON]]:
        """What operators ask: every definition seen or pinned, and whether it is in use."""
        return [
            {"server": server, "kind": kind.value, "name": name, "state": state}
            for server, board in self._verifier.view.boards.items()
            for (kind, name), state in sorted(board.states.items())
        ]

    def problems(self) -> dict[str, str]:
        """What operators ask: by server that is away, why; private."""
        return self._verifier.problems()

    async def _resolve_task(self, identified: Identified, task: TaskAsked) -> Resolved:
        """Find the tool whose task is meant: who may no longer call it may not ask about its tasks."""
        call, principal = identified.call, identified.principal
        try:
            handle = open_task(task.id, self._sealer, principal.id)
        except SealError:
            raise Denied(Reason.INVALID_STATE, "the id of the task does not open here") from None
        if call.server not in (None, handle.server):
            raise Denied(Reason.INVALID_STATE, f"the task is one of `{handle.server}`")
        target = self._verifier.view.find(Kind.TOOL, handle.server, handle.tool)
        if target is None:
            there = msgspec.structs.replace(call, server=handle.server, name=handle.tool)
            target = await self._find_later(there, Kind.TOOL)
        proven = msgspec.structs.replace(task, handle=handle)
        return Resolved(msgspec.structs.replace(call, task=proven), principal, target)

    async def _find_later(self, call: Call, kind: Kind) -> Target:
        server = self._verifier.awaited(kind, call.server, call.name)
        if server is not None:
            fault = await self._verifier.wait(server)
            target = self._verifier.view.find(kind, call.server, call.name)
            if target is None and fault is not None:
                name = call.name if call.server is not None else own_name(kind, call.name)
                target = self._verifier.unverified(kind, server, name, fault)
            if target is not None:
                return target
        where = "" if call.server is None else f" of server `{call.server}`"
        raise Denied(
            Reason.UNKNOWN_TOOL,
            f"{kind} `{call.name[:_NAME_SHOWN_CHARS_MAX]}`{where} is not approved, or not offered now",
        )
