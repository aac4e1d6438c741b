"""The rows that are shown are those that Cedar permits when it is asked about each by itself.

`python -m tests.yett.authorization.test_rows_twin 1000000` judges that many rows.
"""

import sys
import time
from random import Random
from typing import Any

import cedarpy
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.yett.authorization.rowing import RowPolicy, some_row, some_row_policies
from yett.authorization.backends.cedar import read_text
from yett.authorization.policies import read_policy
from yett.authorization.port import Caller, Matter
from yett.authorization.rows import RowPolicies, row_problems
from yett.authorization.statements import split
from yett.core.predicate import RowRule
from yett.sanitising.row_judging import judge_of

ROWS = 20
TOOL = "crm/list"
CALLERS = [
    Caller("k1", ("clerk",), "acme", "live"),
    Caller("k2", ("boss", "clerk"), "globex", "test"),
    Caller("", ("guest",), "", "live"),
]
MATTER = Matter("Tool", "crm", "list", "read")


def compare(chance: Random) -> int:
    """Judge rows by a random set of policies, for each caller; return how many were."""
    policies = some_row_policies(chance)
    plain, strict = _cedar(policies, strict=False), _cedar(policies, strict=True)
    for caller in CALLERS:
        judge = judge_of(_rule(policies, caller))
        rows = [some_row(chance, odd=number % 2 == 0) for number in range(ROWS)]
        told, loose = _ask(strict, caller, rows), _ask(plain, caller, rows)
        shown = judge(rows)
        for number, row in enumerate(rows):
            assert shown[number] == told[number], (policies, caller, row)
            # An operator who thinks in Cedar is never surprised by a row that is there.
            assert loose[number] or not told[number], (policies, caller, row)
            assert number % 2 == 0 or loose[number] == told[number], (policies, caller, row)
    return len(CALLERS) * ROWS


def _rule(policies: list[RowPolicy], caller: Caller) -> RowRule:
    text = "\n".join(policy.text(strict=False) for policy in policies)
    read = [
        read_policy(form, statement, default_id="")
        for form, statement in zip(read_text(text), split(text, "x"), strict=True)
    ]
    assert [str(problem) for policy in read for problem in row_problems(policy, [TOOL])] == []
    return RowPolicies(read, [TOOL]).rule(caller, MATTER)


def _cedar(policies: list[RowPolicy], *, strict: bool) -> "cedarpy.PolicySet":
    return cedarpy.PolicySet.from_str("\n".join(policy.text(strict=strict) for policy in policies))


def _ask(
    policies: "cedarpy.PolicySet", caller: Caller, rows: list[dict[str, Any]]
) -> list[bool | None]:
    """None: something could not be evaluated."""
    attributes = {"tenant": caller.tenant, "environment": caller.environment}
    groups = [("Tenant", caller.tenant), *(("Role", role) for role in caller.roles)]
    entities = [
        _entity("Key", caller.id, attributes, *groups),
        _entity("Tool", TOOL, {}, ("Server", "crm")),
        *(_entity("Row", str(n), _as_cedar(row), ("Tool", TOOL)) for n, row in enumerate(rows)),
    ]
    requests = [
        {
            "principal": {"type": "Key", "id": caller.id},
            "action": {"type": "Action", "id": "row"},
            "resource": {"type": "Row", "id": str(number)},
            "context": {"environment": caller.environment},
        }
        for number in range(len(rows))
    ]
    answers = cedarpy.is_authorized_batch(requests, policies, orjson.dumps(entities).decode())
    return [None if answer.diagnostics.errors else bool(answer.allowed) for answer in answers]


def _entity(kind: str, name: str, attributes: dict[str, Any], *above: tuple[str, str]) -> Any:
    parents = [{"type": kind, "id": name} for kind, name in above]
    return {"uid": {"type": kind, "id": name}, "attrs": attributes, "parents": parents}


def _as_cedar(value: dict[str, Any]) -> dict[str, Any]:
    """What a row is to Cedar: null is not there; what it has no type for is a set, which is no text, number or truth."""
    return {name: _item(item) for name, item in value.items() if item is not None}


def _item(item: Any) -> Any:
    if isinstance(item, dict):
        return _as_cedar(item)
    if isinstance(item, float):
        return int(item) if item.is_integer() else [1]
    if isinstance(item, int) and not isinstance(item, bool) and abs(item) >= 2**63:
        return [1]
    return item


@given(st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_rows_are_shown_as_cedar_permits_them(chance: Random) -> None:
    compare(chance)


def test_ten_thousand_rows_find_no_difference() -> None:
    assert sum(compare(Random(seed)) for seed in range(170)) >= 10_000


if __name__ == "__main__":
    wanted, judged, seed = int(sys.argv[1]), 0, 1_000_000
    began = time.monotonic()
    while judged < wanted:
        judged += compare(Random(seed))
        seed += 1
    print(f"{judged} rows, no difference, {time.monotonic() - began:.0f} s")
