"""What a decision costs: `make decisions`. CPU time of this process, the least of several rounds.

Small: one role, one server, a handful of policies. Large: 10,000 policies, 10,000 keys, 1,000 tools, where
each call is of another key and another tool.
"""

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from yett.authorization.build import build
from yett.authorization.stage import Authorizer
from yett.core.call import Call
from yett.core.clock import SystemClock
from yett.core.errors import Denied
from yett.core.identity import Principal
from yett.core.operations import OPERATIONS, Kind
from yett.core.proofs import Resolved
from yett.core.target import JSON, Target

POLICIES: Final = 10_000
KEYS: Final = 10_000
TOOLS: Final = 1_000
SERVERS: Final = 20
READING: Final = 10
ROUNDS: Final = 15
CALLS: Final = 2_000

CONDITIONS: Final = {
    "no arguments": "",
    "hour and door": 'when { context.hour > 24 || context.door == "x" }',
    "ten arguments": "when { context.arguments has a%d && context.arguments.a%d > 100 }",
    "nine and Cedar": "when { context.arguments has a%d && context.arguments.a%d > 100 } // nine\n",
    "ten by Cedar": 'when { context.arguments.a%d > 100 && ip("10.0.0.1").isIpv4() }',
}
"""Of the ten forbids that concern each tool; `%d` is the number of the forbid. What `ip` does only Cedar
knows; of nine and Cedar, it is asked about the last."""


def main() -> None:
    print(
        f"{'policies read':<16}{'small':>10}{'large':>10}{'first':>10}   µs of CPU for a decision"
    )
    for name, condition in CONDITIONS.items():
        small = _authorizer(condition, servers=1, policies=READING)
        few = _calls(servers=1, keys=1, tools=1)
        large = _authorizer(condition, servers=SERVERS, policies=POLICIES)
        many = _calls(servers=SERVERS, keys=KEYS, tools=TOOLS)
        first = _first(large, many)
        print(f"{name:<16}{_least(small, few):>10.1f}{_least(large, many):>10.1f}{first:>10.1f}")
    began = time.process_time()
    _authorizer(CONDITIONS["ten arguments"], servers=SERVERS, policies=POLICIES)
    print(f"loading {POLICIES} policies: {time.process_time() - began:.1f} s of CPU")


def _authorizer(condition: str, *, servers: int, policies: int) -> Authorizer:
    """Ten forbids concern each tool: five each of its server, and five of everything; the other
    policies are about keys and tools of their own."""
    bodies = [condition.replace("%d", str(number)) for number in range(READING)]
    if "nine" in condition:
        bodies[-1] = CONDITIONS["ten by Cedar"].replace("%d", str(READING - 1))
    texts = [f"forbid(principal, action, resource is Tool) {body};" for body in bodies[:5]]
    for server in range(servers):
        texts += [
            f'forbid(principal, action, resource in Server::"s{server}") {body};'
            for body in bodies[5:]
        ]
    texts = [] if not condition else texts
    texts += [
        f'permit(principal == Key::"k{number % KEYS}", action, resource == Tool::"x/t{number}");'
        for number in range(policies - len(texts))
        if number % KEYS >= KEYS // 2
    ]
    roles = {
        f"r{number}": tuple(
            f"s{server}.*:{access}" for server in range(servers) for access in ("read", "write")
        )
        for number in range(5)
    }
    return build(roles, {"policies/bench.cedar": "\n".join(texts)}, clock=SystemClock())


def _calls(*, servers: int, keys: int, tools: int) -> list[Resolved]:
    chance = Random(1)
    arguments: dict[str, JSON] = {f"a{number}": number for number in range(READING)}
    principals = [
        Principal(
            id=f"k{number}", name="bench", roles=(f"r{number % 5}",), created_at=1_700_000_000.0
        )
        for number in range(keys)
    ]
    targets = [
        Target(
            kind=Kind.TOOL,
            server=f"s{number % servers}",
            name=f"t{number}",
            public_name="",
            access="read" if number % 2 else "write",
        )
        for number in range(tools)
    ]
    return [
        Resolved(_call(arguments), chance.choice(principals), chance.choice(targets))
        for _ in range(CALLS)
    ]


def _call(arguments: dict[str, JSON]) -> Call:
    return Call(
        id="r",
        operation=OPERATIONS["tools/call"],
        server=None,
        arguments=arguments,
        credential=None,
        peer="127.0.0.1",
        door="mcp",
        protocol="2025-11-25",
        received_at=0.0,
        started=0.0,
    )


def _first(gate: Authorizer, calls: Sequence[Resolved]) -> float:
    """Microseconds where nothing is known yet of this key and this tool."""
    return _time(lambda: [gate.permit(call) for call in calls], len(calls))


def _least(gate: Authorizer, calls: Sequence[Resolved]) -> float:
    permit = gate.permit

    def ask() -> None:
        for call in calls:
            permit(call)

    return min(_time(ask, len(calls)) for _ in range(ROUNDS))


def _time(work: Callable[[], object], count: int) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) / count * 1e6


if __name__ == "__main__":
    try:
        main()
    except Denied as denied:
        raise SystemExit(f"the benchmark asks wrongly: {denied.private}") from denied
