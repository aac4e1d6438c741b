"""What the commands of `yett tool` ask and change: the lock, the servers, the record of it."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, final

import msgspec

from yett.app.servers import catalogue_config, shipped_classes
from yett.catalogue.approval import Decision, Proposal, approve, quarantine, review
from yett.catalogue.board import make_board
from yett.catalogue.build import classes_by_server, open_lock
from yett.catalogue.definitions import Sight, examine
from yett.catalogue.diff import no_findings
from yett.catalogue.findings import findings_of, neighbourhood_of
from yett.catalogue.lock import SECTIONS, Lock, ServerPins
from yett.catalogue.pinning import recognise
from yett.cli.command import Place
from yett.core.clock import iso_time
from yett.core.errors import CommandError
from yett.core.operations import Kind
from yett.storage import outbox

if TYPE_CHECKING:
    from yett.core.target import JSON, Access


@final
class Review:
    """The lock beside the configuration, and the servers that it is about."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._configuration = place.configuration()
        self._store = open_lock(place.folder)
        self._lock = self._store.read()
        self._classes = classes_by_server(
            catalogue_config(self._configuration, place.folder),
            shipped_classes(self._configuration),
        )

    def servers(self) -> list[str]:
        return list(self._configuration.servers)

    def known(self, server: str) -> str:
        """Return the name if the configuration has it.

        Raises:
            CommandError: it has not.
        """
        if server not in self._configuration.servers:
            exist = ", ".join(self.servers()) or "none"
            raise CommandError(f"The configuration has no server `{server}`. There are: {exist}")
        return server

    def pinned_rows(self, server: str) -> list[dict[str, Any]]:
        pins = self._lock.servers.get(server, ServerPins())
        return [
            self._row(server, kind, name, "quarantined" if pin.quarantined else "approved")
            for kind in SECTIONS
            for name, pin in sorted(pins.of(kind).items())
        ]

    def live_rows(self, server: str) -> list[dict[str, Any]]:
        sight = self._look(server)
        pins = self._lock.servers.get(server)
        board = make_board(server, pins, sight, self._classes[server].operator)
        rows = []
        for (kind, name), state in sorted(board.states.items()):
            row = self._row(server, kind, name, state)
            item = sight[kind].get(name)
            rows.append(row | {"problem": item.problem if item and item.problem else None})
        return rows

    def details(self, server: str, kind: str, name: str) -> dict[str, Any]:
        """Return what `yett tool show` says of one pin beside its row: how strict its schema is and
        what Yett adds, what is suspicious about it, and the definition itself."""
        from yett.cli.argument_proposals import proposals
        from yett.sanitising.definitions import text_findings

        pin = self._lock.servers[server].of(Kind(kind))[name]
        neighbourhood = neighbourhood_of(self._lock)
        found = findings_of(server, Kind(kind), name, pin.definition, neighbourhood, text_findings)
        details: dict[str, Any] = {
            "despite": list(pin.despite),
            "findings": [msgspec.to_builtins(finding) for finding in found],
            "strictness": None,
            "dialect": None,
            "arguments": [],
            "added_bounds": [],
            "proposed_arguments": {},
        }
        if Kind(kind) is Kind.TOOL:
            details |= self._strictness(f"{server}/{name}", pin.definition)
            proposed = proposals(self._configuration, server, [pin.definition])
            details["proposed_arguments"] = proposed.get(name, {})
        return details | {"definition": pin.definition}

    def _strictness(self, key: str, definition: dict[str, "JSON"]) -> dict[str, Any]:
        from yett.app.servers import argument_rules
        from yett.validation.config import ArgumentRules, kind_of
        from yett.validation.strictness import strictness_of

        rules = argument_rules(self._configuration).get(key, ArgumentRules())
        kinds = {
            (name if name.startswith("/") else f"/{name}"): kind_of(rule)
            for name, rule in rules.arguments.items()
        }
        found = strictness_of(definition.get("inputSchema"), open_=rules.open)
        return {
            "strictness": found.grade,
            "dialect": found.dialect,
            "arguments": [
                {
                    "argument": view.pointer,
                    "type": view.type,
                    "kind": kinds.get(view.pointer),
                    "required": view.required,
                    "bounds": list(view.bounds),
                    "lacks": view.lacks or None,
                    "added": view.added or None,
                }
                for view in found.arguments
            ],
            "added_bounds": list(found.added),
        }

    def decide(
        self, server: str, names: Sequence[str], access: "Access | None"
    ) -> tuple[Decision, ...]:
        """Ask the server what it shows, and say what approving that would do.

        Raises:
            CommandError: see `catalogue.approval.review`.
            Fault: the server cannot be reached.
        """
        from yett.sanitising.definitions import text_findings

        return review(
            self._lock,
            server,
            self._look(server),
            names,
            classes=self._classes[server],
            proposal=Proposal(
                access=access, by=self._place.actor, at=iso_time(self._place.clock.wall())
            ),
            text_findings=text_findings,
        )

    def quarantine(self, server: str, names: Sequence[str]) -> tuple[str, ...]:
        taken: tuple[str, ...] = ()

        def change(lock: Lock) -> Lock:
            nonlocal taken
            changed, taken = quarantine(lock, server, names)
            return changed

        with self._place.database().transaction() as transaction:
            self._store.update(change)
            for name in taken:
                event = {"event": "tool.quarantined", "actor": self._place.actor}
                event |= {"server": server, "tool": name}
                outbox.post(transaction, event, self._place.clock.wall())
        return taken

    def _look(self, server: str) -> Sight:
        from yett.app.discovery import discover_once
        from yett.validation.examiner import Examiner

        place = self._place
        definitions = asyncio.run(
            discover_once(
                self._configuration,
                place.data,
                server,
                folder=place.folder,
                database=place.database(),
                clock=place.clock,
            )
        )
        examiner = Examiner()
        try:
            sight = examine(server, definitions, examiner.problem_of)
        finally:
            examiner.close()
        return recognise(sight, self._lock.servers.get(server, ServerPins()), no_findings)

    def _row(self, server: str, kind: Kind, name: str, state: str) -> dict[str, Any]:
        pin = self._lock.servers.get(server, ServerPins()).of(kind).get(name)
        configured = self._classes[server].operator.get(name) if kind is Kind.TOOL else None
        row: dict[str, Any] = {"server": server, "kind": kind.value, "name": name}
        return row | {
            "access": configured or (pin.access if pin else None),
            "access_from": "operator" if configured else pin.access_from if pin else None,
            "state": state,
            "approved_by": pin.approved_by if pin else None,
            "approved_at": pin.approved_at if pin else None,
            "digest": pin.digest if pin else None,
        }


def approved_now(place: Place, server: str, decisions: Sequence[Decision]) -> None:
    """Write the lock and post an event for each thing that is news.

    Raises:
        ConfigurationError: the lock is damaged.
        Fault: the lock or the database could not be written.
    """
    with place.database().transaction() as transaction:
        open_lock(place.folder).update(lambda lock: approve(lock, server, decisions))
        if place.configuration().lock.signed_by:
            place.say("It takes effect once it is signed: `yett lock sign --key FILE`")
        for decision in decisions:
            if decision.is_news:
                event: dict[str, Any] = {
                    "event": "tool.approved",
                    "actor": place.actor,
                    "server": server,
                    "kind": decision.kind.value,
                    "tool": decision.name,
                    "digest": decision.after.digest,
                    "access": decision.after.access,
                    "access_from": decision.after.access_from,
                }
                if decision.after.despite:
                    event["despite"] = list(decision.after.despite)
                outbox.post(transaction, event, place.clock.wall())
