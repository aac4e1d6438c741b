"""What a call costs in the stages that look something up, with 10 and with 10,000 of everything.

    python bench/scale.py

Keys, tools, roles and policies grow together; each call is of another key to another tool, so nothing
is found because it was found a moment ago. What grows then is the processor's cache misses, not the
number of steps.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from yett.authentication.backends.memory import MemoryKeyStore
from yett.authentication.digest import KeyedHash
from yett.authentication.keys import make_key
from yett.authentication.port import StoredKey
from yett.authentication.stage import Authenticator
from yett.authorization.build import build as build_authorization
from yett.catalogue.board import Board
from yett.catalogue.view import View
from yett.core.call import Call
from yett.core.clock import SystemClock
from yett.core.operations import OPERATIONS, Kind
from yett.core.proofs import Resolved, Validated
from yett.core.secret import Secret
from yett.core.target import Target
from yett.limits.build import build as build_limits
from yett.limits.build import memory_state
from yett.limits.config import LimitsConfig, ToolLimits

ROUNDS = 5
CALLS = 20_000
PEPPER = Secret(b"p" * 32)


def measure(work: Callable[[int], object], count: int) -> float:
    """Return µs per call, the best of some rounds, after one round that fills the caches."""
    best = float("inf")
    for _ in range(ROUNDS + 1):
        begun = time.thread_time()
        for number in range(CALLS):
            work(number % count)
        best = min(best, (time.thread_time() - begun) / CALLS * 1e6)
    return best


def at_once(work: Coroutine[Any, Any, Any]) -> Any:
    """Run what never has to wait."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("it waited")


def figures(count: int) -> dict[str, float]:
    clock = SystemClock()
    secrets = [make_key("live", f"{number:012d}") for number in range(count)]
    hashed = KeyedHash(PEPPER)
    store = MemoryKeyStore(
        StoredKey(
            id=f"{number:012d}",
            name=f"agent-{number}",
            tenant="default",
            environment="live",
            roles=(f"role-{number}",),
            digest=hashed.digest(secret.reveal()),
            created_at=0.0,
        )
        for number, secret in enumerate(secrets)
    )
    authentication = Authenticator(
        store, PEPPER, clock=clock, environments=frozenset({"live", "test"})
    )
    authentication.refresh()
    targets = [
        Target(
            kind=Kind.TOOL, server="up", name=f"tool-{number}", public_name=f"up__tool-{number}",
            access="read", digest=f"digest-{number}", definition={},
        )
        for number in range(count)
    ]  # fmt: skip
    board = Board({Kind.TOOL: {target.name: target for target in targets}}, {}, (), {})
    view = View(boards={"up": board}, trusted={"up": board})
    policies = "".join(
        f'@id("p{number}") forbid (principal in Role::"role-{number}", action, resource == Tool::"up/none-{number}");\n'
        for number in range(count)
    )
    authorization = build_authorization(
        {f"role-{number}": ("up.*:read",) for number in range(count)},
        {"policies/scale.cedar": policies},
        clock=clock,
    )
    limits = build_limits(
        LimitsConfig(),
        {target.key: ToolLimits(rate=("900000000/minute",)) for target in targets},
        state=memory_state(clock),
    )
    calls = [
        Call(
            id="scale", operation=OPERATIONS["tools/call"], server="up", name=f"tool-{number}",
            credential=secret, peer="127.0.0.1", door="mcp", protocol="2025-11-25",
            received_at=0.0, started=0.0,
        )
        for number, secret in enumerate(secrets)
    ]  # fmt: skip
    identified = [at_once(authentication.identify(call)) for call in calls]
    resolved = [
        Resolved(item.call, item.principal, target)
        for item, target in zip(identified, targets, strict=True)
    ]
    permitted = [authorization.permit(item) for item in resolved]
    validated = [Validated(item, {}) for item in permitted]

    def identify(number: int) -> object:
        authentication._read_at = clock.monotonic()  # noqa: SLF001 - the refresh thread is not here
        return at_once(authentication.identify(calls[number]))

    def identify_anew(number: int) -> object:
        secrets[number].note = None
        return identify(number)

    def admit(number: int) -> object:
        admission = limits.admit(validated[number])
        at_once(admission.__aenter__())
        return at_once(admission.__aexit__(None, None, None))

    return {
        "identify, first call of a connection": measure(identify_anew, count),
        "identify, any other": measure(identify, count),
        "resolve": measure(lambda n: view.find(Kind.TOOL, "up", calls[n].name), count),
        "permit": measure(lambda n: authorization.permit(resolved[n]), count),
        "admit": measure(admit, count),
    }


async def main() -> None:
    few, many = figures(10), figures(10_000)
    print(f"{'µs per call':<40}{'10':>8}{'10,000':>10}")
    for name, cost in few.items():
        print(f"{name:<40}{cost:>8.2f}{many[name]:>10.2f}")


if __name__ == "__main__":
    asyncio.run(main())
