"""A catalogue over scripted servers; tests bend what the servers say."""

from collections.abc import Mapping
from typing import Any

from tests.clock import HandClock
from tests.seals import SEALER
from yett.catalogue.backends.memory import MemoryLockStore, ScriptedDiscoverer
from yett.catalogue.config import CatalogueConfig
from yett.catalogue.definitions import digest_of
from yett.catalogue.diff import TextFindings, no_findings
from yett.catalogue.lock import Lock, Pin, with_pins
from yett.catalogue.pinning import Classes
from yett.catalogue.port import Definitions, SchemaCheck
from yett.catalogue.stage import Catalogue
from yett.catalogue.verifier import Verifier
from yett.core.call import Call
from yett.core.errors import Refusal
from yett.core.identity import Principal
from yett.core.operations import OPERATIONS, Kind
from yett.core.proofs import Identified, PermittedList
from yett.core.target import JSON, Access, Target

ANNA = Principal(id="AAAAAAAAAAAA", name="anna")


def tool(name: str, description: str = "Does it", **more: JSON) -> dict[str, JSON]:
    return {"name": name, "description": description, "inputSchema": {"type": "object"}} | more


def pin(server: str, definition: dict[str, JSON], access: Access = "read", **more: Any) -> Pin:
    return Pin(
        digest=digest_of(server, definition),
        access=access,
        access_from="operator",
        approved_by="anna",
        approved_at="2027-01-15T08:00:00Z",
        definition=definition,
        **more,
    )


def lock_of(server: str, definitions: Definitions, access: Access = "read") -> Lock:
    """A lock in which all that a server offers is pinned."""
    lock = Lock()
    lists = (
        (Kind.TOOL, definitions.tools, "name"),
        (Kind.PROMPT, definitions.prompts, "name"),
        (Kind.RESOURCE, definitions.resources, "uri"),
        (Kind.RESOURCE_TEMPLATE, definitions.resource_templates, "uriTemplate"),
    )
    for kind, items, identity in lists:
        pins = {item[identity]: pin(server, item, access) for item in items}
        lock = with_pins(lock, server, kind, pins)
    return lock


def accept(_: dict[str, JSON]) -> str | None:
    return None


class Scene:
    """offers: what the servers say. servers: the configured ones, in order."""

    def __init__(
        self,
        offers: Mapping[str, Definitions],
        lock: Lock | None = None,
        *,
        servers: tuple[str, ...] | None = None,
        pin_at_first_sight: bool = False,
        access: dict[tuple[str, str], Access] | None = None,
        classes: Mapping[str, Classes] | None = None,
        schema_check: SchemaCheck = accept,
        text_findings: TextFindings = no_findings,
    ) -> None:
        self.discoverer = ScriptedDiscoverer(dict(offers))
        self.store = MemoryLockStore(lock)
        self.events: list[dict[str, JSON]] = []
        self.clock = HandClock()
        self.servers = tuple(offers) if servers is None else servers
        self.verifier = Verifier(
            CatalogueConfig(
                lock_path="yett.lock",
                pin_at_first_sight=pin_at_first_sight,
                servers=self.servers,
                access=access or {},
            ),
            discoverer=self.discoverer,
            store=self.store,
            schema_check=schema_check,
            text_findings=text_findings,
            record_event=self.events.append,
            clock=self.clock,
            classes=classes or {},
            worked=self.clock.monotonic,
        )
        self.catalogue = Catalogue(self.verifier, SEALER)

    async def verify(self) -> None:
        for server in self.servers:
            await self.catalogue.verify(server)

    async def resolve(
        self, name: str, server: str | None = None, method: str = "tools/call"
    ) -> Target:
        """Both ways of finding say the same, the quick one the first time and the second."""
        asked = identified(method, name, server)
        found = [self.catalogue.find(asked), self.catalogue.find(asked)]
        try:
            resolved = await self.catalogue.resolve(asked)
        except Refusal:
            assert found == [None, None]
            raise
        assert all(one is None or one.target == resolved.target for one in found)
        return resolved.target

    async def take(self, method: str, server: str | None = None) -> list[str]:
        inventory = await self.catalogue.take_inventory(identified(method, "", server))
        return [target.public_name for target in inventory.targets]

    async def show(self, method: str, server: str | None = None) -> dict[str, JSON]:
        asked = identified(method, "", server)
        inventory = await self.catalogue.take_inventory(asked)
        permitted = PermittedList(asked.call, ANNA, inventory.targets, "v1")
        return self.catalogue.show(permitted)

    def told(self) -> list[tuple[str, str]]:
        return [(event["event"], event.get("tool", "")) for event in self.events]


def identified(method: str, name: str = "", server: str | None = None) -> Identified:
    call = Call(
        id="r1",
        operation=OPERATIONS[method],
        server=server,
        name=name,
        credential=None,
        peer="127.0.0.1",
        door="mcp",
        protocol="2025-11-25",
        received_at=0.0,
        started=0.0,
    )
    return Identified(call, ANNA)
