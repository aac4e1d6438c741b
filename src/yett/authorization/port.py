"""What a policy engine must do. It is prepared once for a question and answers it often."""

from collections.abc import Mapping
from typing import Literal, Protocol, final

import msgspec

from yett.authorization.policies import Policy
from yett.core.proofs import Ask
from yett.core.target import JSON

ResourceType = Literal["Tool", "Resource", "Prompt"]


@final
class Caller(msgspec.Struct, frozen=True):
    """All that policies may know of a principal. roles: only those that the policy set knows, sorted."""

    id: str
    roles: tuple[str, ...]
    tenant: str
    environment: str


@final
class Matter(msgspec.Struct, frozen=True):
    """What is asked for. server, name: of the target. access: its class, read or write. labels, egress:
    what the operator says of a tool."""

    type: ResourceType
    server: str
    name: str
    access: str
    labels: tuple[str, ...] = ()
    egress: bool = False

    @property
    def id(self) -> str:
        """The id of the entity."""
        return f"{self.server}/{self.name}"


@final
class Question(msgspec.Struct, frozen=True):
    """policies: those that can match, in the order of the set. action: "read" or "write"."""

    policies: tuple[Policy, ...]
    caller: Caller
    action: str
    matter: Matter


@final
class Decision(msgspec.Struct, frozen=True):
    """policies: ids of those that decided, in the order of the set. errors: why the question could
    not be evaluated; then `allowed` is False, whatever else holds. failing: ids of policies that could
    not, as far as that is known. ask: who has to agree as well; without
    them it is not allowed."""

    allowed: bool
    policies: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    ask: Ask | None = None


class Case(Protocol):
    def decide(self, context: Mapping[str, JSON], /) -> Decision:
        """Answer with everything known. `context`: Cedar's JSON form, see encoding.py.

        Raises nothing: what cannot be evaluated is a decision with `errors`.
        """
        ...

    def foresee(self, context: Mapping[str, JSON], /) -> bool:
        """Say whether some arguments may be allowed. `context` has no arguments.

        Raises nothing: what cannot be evaluated cannot be allowed.
        """
        ...


class PolicyEngine(Protocol):
    def prepare(self, question: Question) -> Case:
        """Do once what does not depend on the context.

        Raises nothing: what cannot be prepared is a case that allows nothing.
        """
        ...


class LabelStore(Protocol):
    """Where labels survive the process."""

    def load(self) -> dict[tuple[str, str], float]:
        """Return (principal, label) → when it was seen last, in seconds since 1970.

        Raises:
            Fault: the store did not answer.
        """
        ...

    def news(self) -> dict[tuple[str, str], float]:
        """As `load`, if another process may have written since it was read; empty otherwise.

        Raises:
            Fault: the store did not answer.
        """
        ...

    def keep(self, seen: Mapping[tuple[str, str], float], forget_before: float) -> None:
        """Write these down, and forget what is older.

        Raises:
            Fault: the store did not answer; nothing was written.
        """
        ...
