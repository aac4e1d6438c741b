"""Cedar, by way of cedarpy: the only file that knows how that library wants to be spoken to.

Two of its ways are closed here. It skips a `forbid` that fails to evaluate, so any error is a no.
It reports what it cannot even build (a bad context) as a third decision, which is a no as well.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, final

import orjson

from yett.authorization.backends.lean_cedarpy import cedarpy
from yett.authorization.compile import quote
from yett.authorization.policies import Policy
from yett.authorization.port import Caller, Decision, Matter, Question
from yett.core.target import JSON

POLICY_SETS_MAX: Final = 2_048
_FOLDER: Final = Path(__file__).parents[1]
"""Where the schemas lie."""

_UNKNOWN: Final = {
    name: {"__extn": {"fn": "unknown", "arg": name}} for name in ("arguments", "carries")
}
"""Cedar's partial evaluation leaves whatever depends on these open."""

_EVALUATION_ERROR: Final = re.compile(
    r"error while evaluating policy `(?P<policy>[^`]*)`: (?P<detail>.*)", re.DOTALL
)
_HARMLESS: Final = re.compile(
    r"type error: expected [a-z_() `]+, got [a-z_() `]+|record does not have the attribute `[^`]*`"
)


@final
class CedarEngine:
    """Keeps the parsed sets of policies that cases share."""

    __slots__ = ("_sets",)

    def __init__(self) -> None:
        self._sets: dict[tuple[str, ...], cedarpy.PolicySet] = {}

    def prepare(self, question: Question) -> "CedarCase | BrokenCase":
        try:
            return CedarCase(question, self._policy_set(question.policies), _entities(question))
        except Exception as error:  # noqa: BLE001 - whatever the library cannot do is a no
            return BrokenCase(f"Cedar cannot prepare this question: {type(error).__name__}")

    def _policy_set(self, policies: Sequence[Policy]) -> "cedarpy.PolicySet":
        ids = tuple(policy.id for policy in policies)
        policy_set = self._sets.get(ids)
        if policy_set is None:
            if len(self._sets) >= POLICY_SETS_MAX:
                self._sets.clear()
            policy_set = cedarpy.PolicySet.from_json_str(_document(policies))
            self._sets[ids] = policy_set
        return policy_set


@final
class CedarCase:
    __slots__ = ("_entities", "_order", "_partial", "_policy_set", "_request")

    def __init__(
        self, question: Question, policy_set: "cedarpy.PolicySet", entities: cedarpy.Entities
    ) -> None:
        self._policy_set = policy_set
        self._entities = entities
        self._order = {policy.id: place for place, policy in enumerate(question.policies)}
        self._request: dict[str, Any] = {
            "principal": {"type": "Key", "id": question.caller.id},
            "action": {"type": "Action", "id": question.action},
            "resource": {"type": question.matter.type, "id": question.matter.id},
        }
        self._partial: dict[str, Any] = {}

    def decide(self, context: Mapping[str, JSON], /) -> Decision:
        try:
            request = self._request | {"context": orjson.dumps(context).decode()}
            answer = cedarpy.is_authorized(request, self._policy_set, self._entities)
            allowed = answer.allowed
            errors = tuple(_without_values(error) for error in answer.diagnostics.errors)
            failing = tuple(_failing(error) for error in answer.diagnostics.errors)
            reasons = sorted(answer.diagnostics.reasons, key=self._order.__getitem__)
        except Exception as error:  # noqa: BLE001 - whatever the library cannot do is a no
            return Decision(allowed=False, errors=(f"Cedar cannot answer: {type(error).__name__}",))
        return Decision(allowed and not errors, tuple(reasons), errors, failing)

    def foresee(self, context: Mapping[str, JSON], /) -> bool:
        try:
            known = orjson.dumps({**context, **_UNKNOWN}).decode()
            if not self._partial:
                self._partial = {name: _written(uid) for name, uid in self._request.items()}
            request = self._partial | {"context": known}
            answer = cedarpy.is_authorized_partial(request, self._policy_set, self._entities)
            if answer.diagnostics.errors:
                return False
            return answer.allowed or answer.decision is cedarpy.Decision.NoDecision
        except Exception:  # noqa: BLE001 - whatever the library cannot do is a no
            return False


@final
class BrokenCase:
    """A question that could not even be prepared."""

    __slots__ = ("_error",)

    def __init__(self, error: str) -> None:
        self._error = error

    def decide(self, _context: Mapping[str, JSON], /) -> Decision:
        return Decision(allowed=False, errors=(self._error,))

    def foresee(self, _context: Mapping[str, JSON], /) -> bool:
        return False


def _without_values(error: str) -> str:
    """Keep of Cedar's message what is in policies: others quote the argument, which may be a secret
    (CWE-532)."""
    found = _EVALUATION_ERROR.fullmatch(error)
    if found is None:
        return "the request cannot be put to Cedar"
    detail = found["detail"] if _HARMLESS.fullmatch(found["detail"]) else "it cannot be evaluated"
    return f"policy `{found['policy']}`: {detail}"


def _failing(error: str) -> str:
    """Return the id of the policy that could not be evaluated; empty if it was the request."""
    found = _EVALUATION_ERROR.fullmatch(error)
    return found["policy"] if found else ""


def read_text(text: str) -> list[dict[str, JSON]]:
    """Return the JSON form of each policy of a Cedar text, in order.

    Raises:
        ValueError: it is not Cedar, or holds templates. The message is Cedar's.
    """
    document = orjson.loads(cedarpy.policies_to_json_str(text))
    if document["templates"]:
        raise ValueError("a template (`?principal`, `?resource`) decides nothing by itself")
    policies: dict[str, dict[str, JSON]] = document["staticPolicies"]
    return [policies[f"policy{position}"] for position in range(len(policies))]


def count_policies(text: str) -> int:
    """Return how many policies Cedar finds in a text. Other threads go on meanwhile.

    Raises:
        ValueError: it is not Cedar.
    """
    return len(cedarpy.PolicySet.from_str(text, release_gil=True))


def write_text(form: dict[str, JSON]) -> str:
    """Return the Cedar text of one policy's JSON form.

    Raises:
        ValueError: the form is not a policy's.
    """
    document = {"templates": {}, "staticPolicies": {"policy0": form}, "templateLinks": []}
    return cedarpy.policies_from_json_str(orjson.dumps(document).decode())


def find_faults(texts: Sequence[str], schema: str) -> list[tuple[int, str]]:
    """Check policies, one text each, against a schema; return (position, Cedar's message) pairs."""
    result = cedarpy.validate_policies("\n".join(texts), schema)
    return [(int(fault.policy_id.removeprefix("policy")), fault.error) for fault in result.errors]


def schema_text(*, with_rows: bool = True) -> str:
    """Return what policies may speak of. with_rows: the action `row` too. To policies that do not name it
    it is unknown: Cedar would take one about every action for one about rows as well."""
    names = ("schema.cedarschema", "rows.cedarschema") if with_rows else ("schema.cedarschema",)
    return "".join((_FOLDER / name).read_text("utf-8") for name in names)


def _written(uid: dict[str, str]) -> str:
    """Return an entity as Cedar itself writes it: partial evaluation takes no other spelling."""
    text = quote(uid["id"])
    if "\\" not in text:
        return f"{uid['type']}::{text}"
    anything = {"op": "All"}
    text = write_text(
        {
            "effect": "permit",
            "principal": {"op": "==", "entity": uid},
            "action": anything,
            "resource": anything,
            "conditions": [],
        }
    )
    return text[text.index(f"{uid['type']}::") : text.rindex('"') + 1]


def _document(policies: Sequence[Policy]) -> str:
    return orjson.dumps(
        {
            "templates": {},
            "staticPolicies": {policy.id: policy.form for policy in policies},
            "templateLinks": [],
        }
    ).decode()


def _entities(question: Question) -> cedarpy.Entities:
    document = [_key(question.caller), _target(question.matter)]
    return cedarpy.Entities.from_json_str(orjson.dumps(document).decode())


def _key(caller: Caller) -> dict[str, JSON]:
    return {
        "uid": {"type": "Key", "id": caller.id},
        "attrs": {"tenant": caller.tenant, "environment": caller.environment},
        "parents": [
            {"type": "Tenant", "id": caller.tenant},
            *({"type": "Role", "id": role} for role in caller.roles),
        ],
    }


def _target(matter: Matter) -> dict[str, JSON]:
    known = {"server": matter.server, "name": matter.name, "access": matter.access}
    marks = {"labels": list(matter.labels), "egress": matter.egress}
    return {
        "uid": {"type": matter.type, "id": matter.id},
        "attrs": known | marks if matter.type == "Tool" else known,
        "parents": [{"type": "Server", "id": matter.server}],
    }
