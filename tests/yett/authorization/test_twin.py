"""The index and the kept decisions are a plain twin of Cedar: same decision, same deciding policies.

Three judges: the Authorizer; Cedar on the whole policy set, with no index and no cache; and the
naive model. `python -m tests.yett.authorization.test_twin 100000` asks that many questions.
"""

import sys
import time
from random import Random
from typing import Any

import cedarpy
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clock import HandClock
from tests.yett.authorization.naive import (
    ARGUMENTS,
    NaivePolicy,
    Request,
    decide,
    some_policies,
    some_request,
)
from yett.authorization.backends.cedar import CedarEngine, read_text
from yett.authorization.backends.label_memory import MemoryLabelStore
from yett.authorization.encoding import encode_arguments
from yett.authorization.labels import Labels
from yett.authorization.policies import read_policy
from yett.authorization.stage import Authorizer
from yett.authorization.statements import split
from yett.core.call import Call
from yett.core.identity import Principal
from yett.core.operations import OPERATIONS, Kind
from yett.core.proofs import Inventory, Resolved
from yett.core.target import Target

ROLES = frozenset({"r1", "r2", "r3"})
MIDNIGHT = 1_700_524_800.0  # 2023-11-21T00:00:00Z, a Tuesday
QUESTIONS = 8
KINDS = {"Tool": Kind.TOOL, "Resource": Kind.RESOURCE, "Prompt": Kind.PROMPT}


def compare(chance: Random) -> None:
    """Ask all three the same questions; the authorizer twice, so that what it kept is asked as well."""
    policies = some_policies(chance)
    text = "\n".join(policy.text for policy in policies)
    clock = HandClock()
    gate = _authorizer(text, clock)
    whole = cedarpy.PolicySet.from_str(text)
    for request in [some_request(chance) for _ in range(QUESTIONS)] * 2:
        clock.now = MIDNIGHT + 3_600 * request.context["hour"]
        expected = decide(policies, request)
        assert _ask_cedar(whole, request) == expected, (text, request)
        assert _ask(gate, request) == expected, (text, request)
        _compare_list(gate, policies, request)


def _compare_list(gate: Authorizer, policies: list[NaivePolicy], request: Request) -> None:
    """What may be called with some arguments is listed."""
    callable_so = any(
        decide(policies, request._replace(context=request.context | {"arguments": arguments}))[0]
        for arguments in ARGUMENTS
    )
    resolved = _resolved(request)
    inventory = Inventory(resolved.call, resolved.principal, (resolved.target,))
    visible = bool(gate.permit_list(inventory).targets)
    assert visible or not callable_so, request


def _authorizer(text: str, clock: HandClock) -> Authorizer:
    """Build without the check against the schema: heads that can never match are of interest here."""
    policies = [
        read_policy(form, statement, default_id="")
        for form, statement in zip(read_text(text), split(text, "x"), strict=True)
    ]
    return Authorizer(
        policies,
        roles=ROLES,
        engine=CedarEngine(),
        version="v",
        clock=clock,
        labels=Labels(MemoryLabelStore(), clock),
        marks={},
    )


def _resolved(request: Request) -> Resolved:
    call = Call(
        id="r",
        operation=OPERATIONS["tools/call"],
        server=None,
        arguments=request.context["arguments"],
        credential=None,
        peer="127.0.0.1",
        door=request.context["door"],
        protocol="2025-11-25",
        received_at=0.0,
        started=0.0,
    )
    principal = Principal(
        id=request.key,
        name="n",
        tenant=request.tenant,
        roles=request.roles,
        environment="live" if request.environment == "live" else "test",
    )
    target = Target(
        kind=KINDS[request.kind],
        server=request.server,
        name=request.name,
        public_name="",
        access="read" if request.action == "read" else "write",
    )
    return Resolved(call, principal, target)


def _ask(gate: Authorizer, request: Request) -> tuple[bool, set[str]]:
    resolved = _resolved(request)
    explanation = gate.explain(resolved.call, resolved.principal, resolved.target)
    refusal = explanation.refusal
    failed = refusal is not None and "cannot be judged" in refusal.private
    return refusal is None, set() if failed else set(explanation.policies)


def _ask_cedar(policies: "cedarpy.PolicySet", request: Request) -> tuple[bool, set[str]]:
    def entity(kind: str, name: str, attrs: dict[str, str], *parents: tuple[str, str]) -> Any:
        return {
            "uid": {"type": kind, "id": name},
            "attrs": attrs,
            "parents": [{"type": kind, "id": name} for kind, name in parents],
        }

    resource = f"{request.server}/{request.name}"
    entities = [
        entity(
            "Key",
            request.key,
            {"tenant": request.tenant, "environment": request.environment},
            ("Tenant", request.tenant),
            *(("Role", role) for role in request.roles),
        ),
        entity(
            request.kind,
            resource,
            {"server": request.server, "name": request.name, "access": request.action},
            ("Server", request.server),
        ),
    ]
    context = {
        "arguments": encode_arguments(request.context["arguments"], None),
        "hour": request.context["hour"],
        "weekday": 2,
        "time": int(MIDNIGHT) + 3_600 * request.context["hour"],
        "door": request.context["door"],
        "protocol": "2025-11-25",
        "environment": request.environment,
        "address": {"__extn": {"fn": "ip", "arg": "127.0.0.1"}},
    }
    answer = cedarpy.is_authorized(
        {
            "principal": {"type": "Key", "id": request.key},
            "action": {"type": "Action", "id": request.action},
            "resource": {"type": request.kind, "id": resource},
            "context": orjson.dumps(context).decode(),
        },
        policies,
        orjson.dumps(entities).decode(),
    )
    if answer.diagnostics.errors:
        return False, set()
    return answer.allowed, set(answer.diagnostics.id_annotations_by_reason.values())


@given(st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_the_index_decides_like_cedar_and_like_the_naive_model(chance: Random) -> None:
    compare(chance)


def test_a_few_thousand_more_questions_find_no_difference() -> None:
    for seed in range(150):
        compare(Random(seed))


if __name__ == "__main__":
    questions = int(sys.argv[1])
    began = time.monotonic()
    for seed in range(1_000_000, 1_000_000 + questions // QUESTIONS):
        compare(Random(seed))
    print(f"{questions} questions, no difference, {time.monotonic() - began:.0f} s")
