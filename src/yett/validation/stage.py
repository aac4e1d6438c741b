"""Do the arguments fit what the tool declares? No schema that can be judged by, no call."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, final

import msgspec

from yett.core.document import encode
from yett.core.errors import Fault
from yett.core.operations import Kind
from yett.core.proofs import Permitted, Validated
from yett.core.reasons import Reason
from yett.core.rounds import OF_GATE
from yett.core.seal import Sealer
from yett.core.target import JSON, Target
from yett.validation.arguments import (
    CONTAINERS,
    FLAT_BYTES,
    FLAT_KEYS,
    FLAT_NODES,
    estimate,
    is_small,
)
from yett.validation.cache import SchemaCache
from yett.validation.kinds.addresses import leads_inside
from yett.validation.kinds.guarding import Guarding
from yett.validation.mirroring import check_mirrored
from yett.validation.other import check_other
from yett.validation.port import Resolver, UnknownHost
from yett.validation.references import SchemaRefused
from yett.validation.refusal import deny, forbid, measured
from yett.validation.rounds import resume
from yett.validation.schema import CompiledSchema
from yett.validation.tasks import follow_up

NAMES_LOOKED_UP_MAX: Final = 8
"""In one call; each may take some seconds."""


@final
class _Few(msgspec.Struct, frozen=True, eq=False):
    """What says of few and flat arguments of one tool whether they fit. fit: None: each needs a closer look.
    guarding: what is declared about them beside the schema; where it is, `fit` is None."""

    fit: Callable[[JSON], bool] | None
    guarding: Guarding | None


@final
class Validator:
    """open_targets: `server/tool` of each tool whose undeclared arguments the operator lets through.
    guardings: likewise, what the arguments of a tool are, beside what its schema says. resolver: asked
    where names lead, for tools whose operator wants that; `looks_up`: there are such tools."""

    __slots__ = (
        "_cache", "_guardings", "_open_targets", "_resolver", "_sealer", "looks_up",
    )  # fmt: skip

    def __init__(
        self,
        cache: SchemaCache,
        sealer: Sealer,
        open_targets: Iterable[str] = (),
        guardings: Mapping[str, Guarding] = {},
        resolver: Resolver | None = None,
    ) -> None:
        self._cache: Final = cache
        self._sealer: Final = sealer
        self._open_targets: Final = frozenset(open_targets)
        self._guardings: Final = guardings
        self.looks_up: Final = any(guarding.pointing for guarding in guardings.values())
        self._resolver: Final = resolver

    def check(self, permitted: Permitted) -> Validated:
        """Let only arguments within the caps and the approved definition go on.

        Raises:
            Denied: invalid_input, with where and what; argument_denied, a guard refuses one of them;
                header_mismatch, see `check_mirrored`; invalid_state, the call does not go on from
                where the caller says.
            Fault: internal_error, the tool's schema cannot be judged by.
        """
        call, target = permitted.call, permitted.target
        arguments, encoded = call.arguments, call.encoded
        if call.task is not None and call.task.id:
            return Validated(permitted, arguments, resumption=follow_up(permitted, call.task))
        if not encoded:
            encoded = encode(arguments)
        few: _Few | None = permitted.standing.validation
        if few is None and target.kind is Kind.TOOL:
            few = permitted.standing.validation = self._prepare(target)
        if few is not None:
            # Nearly every call passes here; what does not is looked at again, to tell why.
            if (
                few.fit is None
                or len(encoded) > FLAT_BYTES
                or len(arguments) > FLAT_KEYS
                or not CONTAINERS.isdisjoint(map(type, arguments.values()))
                or not few.fit(arguments)
            ):
                checked = self._check_tool(permitted, arguments, few.guarding)
                if checked is not arguments:
                    arguments, encoded = checked, encode(checked)
        else:
            check_other(permitted, arguments)
        if call.talk is None or (call.talk.inputs is None and not call.talk.state):
            return Validated(permitted, arguments, encoded)
        resumption = resume(permitted, encoded, call.talk, self._sealer)
        if resumption.state.startswith(OF_GATE):  # it was asked before anything was sent
            return Validated(permitted, arguments, encoded, consent=resumption)
        return Validated(permitted, arguments, encoded, resumption)

    async def look_up(self, validated: Validated) -> None:
        """Let only names go on that lead to the public network now, if they are to be looked up.

        Raises:
            Denied: argument_denied, one leads elsewhere, or nobody can say where.
        """
        guarding = self._guardings.get(validated.permitted.target.key)
        if guarding is None or not guarding.pointing:
            return
        asked: set[str] = set()
        for pointer, host in guarding.hosts(validated.arguments):
            if host in asked:
                continue
            asked.add(host)
            if len(asked) > NAMES_LOOKED_UP_MAX:
                forbid(
                    pointer, f"names more than {NAMES_LOOKED_UP_MAX} hosts, which are not looked up"
                )
            said = await self._problem_of_name(host)
            if said is not None:
                forbid(pointer, said)

    async def _problem_of_name(self, host: str) -> str | None:
        if self._resolver is None:
            return "names a host that nobody here can look up"
        try:
            addresses = await self._resolver.addresses(host)
        except UnknownHost:
            return "names a host whose address cannot be found out"
        return "names a host that leads to a private network" if leads_inside(addresses) else None

    def output_problem(self, target: Target, value: JSON) -> str | None:
        """Return why `structuredContent` contradicts the approved `outputSchema`; None if it does not."""
        if "outputSchema" not in target.definition:
            return None
        try:
            schema = self._cache.find(target, "output")
        except SchemaRefused as refused:
            return f"outputSchema: {refused.problem}"
        problem = schema.first_problem_of_answer(value)
        return f"structuredContent{problem[0]} {problem[1]}" if problem else None

    def _check_tool(
        self, permitted: Permitted, given: dict[str, JSON], guarding: Guarding | None
    ) -> dict[str, JSON]:
        """Return the arguments that are to be sent, which may be others than those that were given."""
        schema, mirrored = self._schema_of(permitted.target), permitted.call.mirrored
        arguments = given if guarding is None else guarding.force(given, permitted.principal)
        nodes, depth = FLAT_NODES, 1
        if not is_small(arguments):
            nodes, depth = estimate(arguments) or measured(arguments)
            if schema.is_steep(nodes, depth):
                nodes, depth = measured(arguments)
        problem = schema.first_problem(arguments, nodes, depth)
        if problem is not None:
            deny(*problem)
        if schema.mirrors and mirrored is not None:
            check_mirrored(schema.mirrors, mirrored, given)
        if guarding is None:
            return arguments
        checked = guarding.check(arguments, permitted.target.access)
        return checked if permitted.rows is None else guarding.narrow(checked, permitted.rows)

    def _prepare(self, target: Target) -> _Few:
        schema, guarding = self._schema_of(target), self._guardings.get(target.key)
        if guarding is None:
            return _Few(schema.verdict_on_few(FLAT_NODES), None)
        self._demand_declared(target, guarding)
        return _Few(None, guarding)

    def _demand_declared(self, target: Target, guarding: Guarding) -> None:
        """A guard of what is not there guards nothing: the argument may have another name now."""
        missing = guarding.undeclared(target.definition["inputSchema"])
        if missing is not None and target.key not in self._open_targets:
            said = f"{target.key} has no argument {missing}, of which `arguments` says what it is"
            raise Fault(Reason.INTERNAL_ERROR, said)

    def _schema_of(self, target: Target) -> CompiledSchema:
        try:
            return self._cache.find(
                target, "open" if target.key in self._open_targets else "closed"
            )
        except SchemaRefused as refused:
            raise Fault(Reason.INTERNAL_ERROR, f"{target.key}: {refused.problem}") from refused
