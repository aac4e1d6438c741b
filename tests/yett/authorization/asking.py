"""Real calls, callers and targets for the tests of authorization, and one clock that stands still."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.clock import HandClock
from yett.authorization.build import build
from yett.authorization.config import Roles
from yett.authorization.stage import Authorizer
from yett.core.call import Call, Door
from yett.core.errors import Denied
from yett.core.identity import Environment, Principal
from yett.core.operations import OPERATIONS, Kind
from yett.core.proofs import Inventory, Permitted, Resolved
from yett.core.target import Access, Target

TUESDAY_NOON = 1_700_568_000.0  # 2023-11-21T12:00:00Z


def authorizer(
    policies: str | Mapping[str, str] = "",
    *,
    roles: Roles | None = None,
    clock: HandClock | None = None,
) -> Authorizer:
    """Build from Cedar text; the roles `reader` and `writer` exist and grant nothing."""
    files = {"policies/test.cedar": policies} if isinstance(policies, str) else policies
    known: Roles = {"reader": (), "writer": ()}
    return build(known if roles is None else roles, files, clock=clock or HandClock(TUESDAY_NOON))


def principal(
    *roles: str,
    key: str = "k1",
    tenant: str = "acme",
    environment: Environment = "live",
) -> Principal:
    return Principal(id=key, name="laptop", roles=roles, tenant=tenant, environment=environment)


def tool(
    name: str = "search",
    access: Access = "read",
    *,
    server: str = "github",
    kind: Kind = Kind.TOOL,
    quarantined: bool = False,
) -> Target:
    return Target(
        kind=kind,
        server=server,
        name=name,
        public_name=f"{server}__{name}",
        access=access,
        digest="d1",
        quarantined=quarantined,
    )


def call(
    arguments: dict[str, Any] | None = None,
    *,
    method: str = "tools/call",
    server: str | None = None,
    peer: str = "127.0.0.1",
    door: Door = "mcp",
) -> Call:
    return Call(
        id="r1",
        operation=OPERATIONS[method],
        server=server,
        arguments=arguments or {},
        credential=None,
        peer=peer,
        door=door,
        protocol="2025-11-25",
        received_at=TUESDAY_NOON,
        started=0.0,
    )


def ask(
    by: Authorizer,
    who: Principal | None = None,
    what: Target | None = None,
    arguments: dict[str, Any] | None = None,
    *,
    peer: str = "127.0.0.1",
) -> Permitted:
    return by.permit(
        Resolved(call(arguments, peer=peer), who or principal("reader"), what or tool())
    )


def refusal(
    by: Authorizer,
    who: Principal | None = None,
    what: Target | None = None,
    arguments: dict[str, Any] | None = None,
    *,
    peer: str = "127.0.0.1",
) -> Denied:
    """Return the refusal; the test fails if the call is permitted."""
    with pytest.raises(Denied) as caught:
        ask(by, who, what, arguments, peer=peer)
    return caught.value


def listed(by: Authorizer, who: Principal | None = None, *targets: Target) -> list[str]:
    """Return the keys of the targets that are visible."""
    inventory = Inventory(
        call(method="tools/list"), who or principal("reader"), targets or (tool(),)
    )
    return [target.key for target in by.permit_list(inventory).targets]
