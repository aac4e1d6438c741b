"""The index, the twin and the kept decisions are Cedar's own: same decision, same deciding policies.

Three judges: the Authorizer; Cedar on the whole policy set, with no index, no twin and no cache; and
the naive model. `make policies-nightly` asks ten million questions.
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
from tests.yett.authorization.chances import (
    ARGUMENTS,
    CALLERS,
    MARKED,
    TARGETS,
    some_policies,
    some_request,
    text_of,
)
from tests.yett.authorization.naive import NaivePolicy, Request, decide
from yett.authorization.alarms import Alarms
from yett.authorization.backends.cedar import CedarEngine, read_text
from yett.authorization.backends.label_memory import MemoryLabelStore
from yett.authorization.config import ToolMarks
from yett.authorization.encoding import encode_arguments
from yett.authorization.labels import Labels
from yett.authorization.policies import read_policy
from yett.authorization.stage import Authorizer
from yett.authorization.statements import split
from yett.authorization.twin import TwinEngine
from yett.core.call import Call
from yett.core.identity import Principal
from yett.core.operations import OPERATIONS, Kind
from yett.core.proofs import Inventory, Resolved
from yett.core.target import Target

ROLES = frozenset({"r1", "r2", "r3"})
MIDNIGHT = 1_700_524_800.0  # 2023-11-21T00:00:00Z, a Tuesday
KINDS = {"Tool": Kind.TOOL, "Resource": Kind.RESOURCE, "Prompt": Kind.PROMPT}
LISTINGS = 8
QUESTIONS = 100_000
QUESTIONS_PER_SET = 250


def compare(chance: Random, questions: int) -> None:
    """Ask all three the same questions about one random policy set."""
    policies = some_policies(chance)
    text = "\n".join(text_of(policy) for policy in policies)
    clock = HandClock(MIDNIGHT)
    gate = _authorizer(text, clock)
    requests = [some_request(chance) for _ in range(questions)]
    judged = _ask_cedar(cedarpy.PolicySet.from_str(text), requests)
    for request, by_cedar in zip(requests, judged, strict=True):
        clock.now = MIDNIGHT + 3_600 * request.context["hour"]
        expected = decide(policies, _understood(request))
        assert by_cedar == expected, (text, request)
        assert _ask(gate, request, clock) == expected, (text, request)
    for request in requests[:LISTINGS]:
        _compare_list(gate, policies, request, clock)


def _understood(request: Request) -> Request:
    """With its numbers as policies see them: 5.0 is 5."""
    arguments = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in request.context["arguments"].items()
    }
    return request._replace(context=request.context | {"arguments": arguments})


def _compare_list(
    gate: Authorizer, policies: list[NaivePolicy], request: Request, clock: HandClock
) -> None:
    """What may be called with some arguments is listed."""
    callable_so = any(
        decide(policies, request._replace(context=request.context | {"arguments": arguments}))[0]
        for arguments in ARGUMENTS
    )
    clock.now = MIDNIGHT + 3_600 * request.context["hour"]
    resolved = _resolved(request, clock)
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
        engine=TwinEngine(CedarEngine()),
        version="v",
        clock=clock,
        labels=_labels(clock),
        marks={MARKED: ToolMarks(("private",), egress=True)},
        alarms=Alarms(lambda _event: None, clock),
    )


def _labels(clock: HandClock) -> Labels:
    """Each caller has seen something in some sessions, and has forgotten it in others."""
    labels = Labels(MemoryLabelStore(), clock)
    for caller in CALLERS:
        labels.touch(caller[0], "private", frozenset({"private"}))
        labels.touch(caller[0], "private untrusted", frozenset({"private", "untrusted"}))
    clock.pass_seconds(1.0)
    return labels


def _resolved(request: Request, clock: HandClock) -> Resolved:
    call = Call(
        id="r",
        operation=OPERATIONS["tools/call"],
        server=None,
        session=" ".join(request.context["touched"]),
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
        created_at=clock.now - request.context["key_age"],
    )
    target = Target(
        kind=KINDS[request.kind],
        server=request.server,
        name=request.name,
        public_name="",
        access="read" if request.action == "read" else "write",
    )
    return Resolved(call, principal, target)


def _ask(gate: Authorizer, request: Request, clock: HandClock) -> tuple[bool, set[str]]:
    resolved = _resolved(request, clock)
    explanation = gate.explain(resolved.call, resolved.principal, resolved.target)
    refusal = explanation.refusal
    failed = refusal is not None and "cannot be judged" in refusal.private
    return refusal is None, set() if failed else set(explanation.policies)


def _entities() -> str:
    def entity(kind: str, name: str, attrs: dict[str, Any], *parents: tuple[str, str]) -> Any:
        return {
            "uid": {"type": kind, "id": name},
            "attrs": attrs,
            "parents": [{"type": kind, "id": name} for kind, name in parents],
        }

    found = [
        entity(
            "Key",
            key,
            {"tenant": tenant, "environment": environment},
            ("Tenant", tenant),
            *(("Role", role) for role in roles),
        )
        for key, roles, tenant, environment in CALLERS
    ]
    for kind, server, name in sorted({target[1:] for target in TARGETS}):
        marked = f"{server}/{name}" == MARKED
        marks = {"egress": marked, "labels": ["private"] if marked else []}
        attributes = {"server": server, "name": name} | (marks if kind == "Tool" else {})
        found.append(entity(kind, f"{server}/{name}", attributes, ("Server", server)))
    return orjson.dumps(found).decode()


ENTITIES = cedarpy.Entities.from_json_str(_entities())


def _ask_cedar(policies: "cedarpy.PolicySet", requests: list[Request]) -> list[Any]:
    answers = cedarpy.is_authorized_batch(
        [
            {
                "principal": {"type": "Key", "id": request.key},
                "action": {"type": "Action", "id": request.action},
                "resource": {"type": request.kind, "id": f"{request.server}/{request.name}"},
                "context": orjson.dumps(_context(request)).decode(),
            }
            for request in requests
        ],
        policies,
        ENTITIES,
    )
    return [
        (False, set())
        if answer.diagnostics.errors
        else (answer.allowed, set(answer.diagnostics.id_annotations_by_reason.values()))
        for answer in answers
    ]


def _context(request: Request) -> dict[str, Any]:
    return {
        "arguments": encode_arguments(request.context["arguments"], None),
        "hour": request.context["hour"],
        "weekday": 2,
        "time": int(MIDNIGHT) + 3_600 * request.context["hour"],
        "door": request.context["door"],
        "protocol": "2025-11-25",
        "environment": request.environment,
        "address": {"__extn": {"fn": "ip", "arg": "127.0.0.1"}},
        "key_age": request.context["key_age"],
        "session": {"touched": list(request.context["touched"])},
    }


@given(st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_gate_decides_like_cedar_and_like_the_naive_model(chance: Random) -> None:
    compare(chance, 12)


def test_a_hundred_thousand_questions_find_no_difference() -> None:
    for seed in range(QUESTIONS // QUESTIONS_PER_SET):
        compare(Random(seed), QUESTIONS_PER_SET)


if __name__ == "__main__":
    questions = int(sys.argv[1])
    began = time.process_time()
    for seed in range(1_000_000, 1_000_000 + questions // QUESTIONS_PER_SET):
        compare(Random(seed), QUESTIONS_PER_SET)
    print(f"{questions} questions, no difference, {time.process_time() - began:.0f} s of CPU")
