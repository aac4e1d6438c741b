"""Is the answer fit to leave? Its form, its size, what hides in it, and the secrets in it.

What leaves is always encoded here from the parsed value: no byte of an upstream reaches a caller
unread (THREATS P14).
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NoReturn, final

import msgspec

from yett.core.bounds import ANSWER_BYTES_MAX, ANSWER_TEXT_CHARS_MAX, ROUND_SECONDS_MAX
from yett.core.call import RpcError
from yett.core.document import DocumentError, encode, parse
from yett.core.errors import Denied, Fault
from yett.core.operations import OPERATIONS
from yett.core.proofs import Answered, Armed, Cleaned, Permitted
from yett.core.reasons import Reason
from yett.core.rounds import Round, purpose_of
from yett.core.seal import Sealer
from yett.core.talk import INPUT_REQUIRED, Hear
from yett.core.target import JSON
from yett.core.tasks import TASK, Form, TaskHandle, seal_task
from yett.sanitising.config import AnswerRules
from yett.sanitising.lent import FINDING, Lent, without_lent
from yett.sanitising.listening import Count, Ear
from yett.sanitising.marking import marked, new_mark, spotlight, spotlit, without_findings
from yett.sanitising.patience import Unwalkable
from yett.sanitising.port import OutputCheck
from yett.sanitising.questions import check_question, methods_of
from yett.sanitising.renaming import Publish, may_name, with_public_uris
from yett.sanitising.rewriting import Cleaner
from yett.sanitising.row_answers import keep_rows, row_filters
from yett.sanitising.rows import WITHHELD, RowFilter, Untellable, withheld
from yett.sanitising.scanner import Hits, Scanner
from yett.sanitising.shape import CHECKS, ShapeError, is_plain
from yett.sanitising.tasks import (
    check_acknowledgement,
    check_same,
    check_task,
    is_creation,
    takes_tasks,
    task_of,
    with_id,
)

_ERROR_MESSAGE_CHARS_MAX: Final = 500
_ERROR_DATA_BYTES_MAX: Final = 4_096
_INTERNAL_ERROR: Final = -32603
# JSON-RPC 2.0 §5.1. A code outside could pass for one of the gate's own, which equal HTTP statuses.
_RPC_CODES: Final = range(-32768, -31999)
_DEFAULT: Final = AnswerRules()
_TASK_RESULT: Final = "tasks/result"
_TOLD: Final = frozenset({"tasks/update", "tasks/cancel"})
"""What a server only acknowledges."""
_TOOLS_CALL: Final = OPERATIONS["tools/call"]


@final
class Sanitiser:
    """rules: by `server/tool`; the default holds for the others."""

    __slots__ = ("_always_marked", "_lent", "_output_problem", "_particular", "_publish", "_row_filters", "_rules", "_scanner",
                 "_sealer")  # fmt: skip

    def __init__(
        self,
        scanner: Scanner,
        rules: Mapping[str, AnswerRules],
        output_problem: OutputCheck,
        sealer: Sealer,
        publish: Publish,
    ) -> None:
        self._scanner: Final = scanner
        self._rules: Final = dict(rules)
        self._always_marked: Final = {key for key, rule in rules.items() if rule.spotlight}
        self._output_problem: Final = output_problem
        self._sealer: Final = sealer
        self._publish: Final = publish
        self._lent: Final = Lent()
        self._row_filters: Final = row_filters(rules)
        self._particular: Final = self._always_marked | self._row_filters.keys()

    def clean(self, answered: Answered) -> Cleaned:
        """Let an answer leave, without what must not.

        Raises:
            Fault: upstream_invalid, it does not have the form or the size of an answer.
            Denied: answer_blocked, it holds what the operator blocks.
        """
        permitted = answered.armed.admitted.validated.permitted
        encoded, untrusted = answered.encoded, answered.untrusted
        if (
            untrusted is not None
            and permitted.target.key not in self._particular
            and (answered.is_text or self._fits(permitted, untrusted, encoded))
            and len(encoded) <= ANSWER_TEXT_CHARS_MAX
        ):
            hits, lent = self._scanner.scan(encoded), answered.armed.credential
            if hits is None and not (
                lent.headers and self._lent.is_in(encoded, permitted.target.server, lent)
            ):
                return Cleaned(answered, untrusted, None, encoded)
            return self._look_closer(answered, untrusted, encoded, hits, permitted, ())
        row_filter = self._row_filters.get(permitted.target.key)
        if row_filter is None:
            return self._clean(answered, answered.error, untrusted, permitted)
        return self._clean_rows(answered, permitted, row_filter)

    def _fits(self, permitted: Permitted, untrusted: dict[str, JSON], encoded: bytes) -> bool:
        """Tell whether this is what nearly every answer is, plain, and nothing of it has to be encoded again."""
        call = permitted.call
        if (
            not encoded
            or call.operation is not _TOOLS_CALL
            or call.task is not None
            or not is_plain(untrusted)
            or (call.server is None and may_name(encoded))
        ):
            return False
        if "structuredContent" in untrusted:
            self._check_output(untrusted, permitted)
        return True

    def _clean_rows(
        self, answered: Answered, permitted: Permitted, row_filter: RowFilter
    ) -> Cleaned:
        """What is not shown is taken out first, so that nothing below can let it through."""
        error, untrusted = answered.error, answered.untrusted
        findings: tuple[str, ...] = ()
        if error is not None:
            error, findings = withheld(error), (WITHHELD,)
        elif untrusted is not None:
            try:
                untrusted, findings = keep_rows(
                    untrusted, permitted, row_filter, self._output_problem
                )
            except (ShapeError, Untellable) as trouble:
                _refuse(f"its rows cannot be told apart: {trouble}")
        cleaned = self._clean(answered, error, untrusted, permitted)
        return msgspec.structs.replace(cleaned, findings=(*findings, *cleaned.findings))

    def _clean(
        self,
        answered: Answered,
        error: RpcError | None,
        untrusted: dict[str, JSON] | None,
        permitted: Permitted,
    ) -> Cleaned:
        if error is not None:
            return self._clean_error(answered, error, permitted)
        if untrusted is None:
            _refuse("there is neither a result nor an error")
        call = permitted.call
        if call.operation is _TOOLS_CALL and call.task is None and is_plain(untrusted):
            return self._clean_result(answered, untrusted, permitted, plain=True)
        if permitted.call.talk is not None and untrusted.get("resultType") == INPUT_REQUIRED:
            return self._clean_question(answered, untrusted, permitted)
        if permitted.call.task is not None or untrusted.get("resultType") == TASK:
            return self._clean_task(answered, untrusted, permitted)
        return self._clean_result(answered, untrusted, permitted, plain=False)

    def _clean_result(
        self, answered: Answered, untrusted: dict[str, JSON], permitted: Permitted, *, plain: bool
    ) -> Cleaned:
        """plain: see `is_plain`."""
        if not plain:
            untrusted = without_findings(untrusted)
        binary = () if plain else _check(untrusted, permitted)
        if "structuredContent" in untrusted:
            self._check_output(untrusted, permitted)
        encoded = encode(untrusted)
        if permitted.call.server is None and may_name(encoded):
            server = permitted.target.server
            untrusted = with_public_uris(untrusted, server, self._publish)
            # The blocks are others now; what was binary in them is so again.
            binary, encoded = _check(untrusted, permitted), encode(untrusted)
        if len(encoded) > ANSWER_BYTES_MAX:
            _refuse(f"the answer is more than {ANSWER_BYTES_MAX} bytes")
        hits = self._scanner.scan(encoded)
        return self._look_closer(answered, untrusted, encoded, hits, permitted, binary)

    def _look_closer(
        self, answered: Answered, untrusted: dict[str, JSON], encoded: bytes,
        hits: Hits | None, permitted: Permitted, binary: tuple[int, ...],
    ) -> Cleaned:  # fmt: skip
        """encoded: compact JSON of `untrusted`. hits: what one pass over that found."""
        credential = answered.armed.credential
        if hits is None or not hits.is_worth_a_look:
            if self._always_marked and permitted.target.key in self._always_marked:
                return _withhold(answered, spotlight(untrusted, new_mark()), ())
            if credential.headers and without_lent(encoded, credential) is not encoded:
                return _withhold(answered, untrusted, ())
            return Cleaned(answered, untrusted, None, encoded)
        result, found = self._walk(untrusted, hits, permitted, frozenset(binary))
        if found:
            result = marked(result, found, self._rules_of(permitted))
        elif result == untrusted and not credential.headers and not self._always_marked:
            return Cleaned(answered, untrusted, None, encoded)
        return _withhold(answered, result, tuple(sorted(found)))

    def listen(self, armed: Armed, count: Count) -> Hear | None:
        """Return what takes notices of this call's server to this call's caller, cleaned; None: it does
        not listen. count: see `Count`."""
        permitted = armed.admitted.validated.permitted
        talk = permitted.call.talk
        line = None if talk is None else talk.line
        if line is None or permitted.target.key in self._row_filters:  # it could speak of any row
            return None
        return Ear(self._scanner, self._rules_of(permitted), armed.credential, line, count).hear

    def _clean_question(
        self, answered: Answered, untrusted: dict[str, JSON], permitted: Permitted
    ) -> Cleaned:
        """What a server asks is a text of the upstream like any other; its state is sealed, so that
        only this caller can bring it back, for this call, once. The secret that the server was lent
        may be in its state: no caller can read that."""
        try:
            binary = check_question(permitted.call.operation.method, untrusted)
        except ShapeError as error:
            _refuse(str(error))
        before = Round(untrusted.get("requestState", ""), permitted.call.id, methods_of(untrusted))
        asked = {name: value for name, value in untrusted.items() if name != "requestState"}
        encoded = encode(asked)
        if len(encoded) > ANSWER_BYTES_MAX:
            _refuse(f"the question is more than {ANSWER_BYTES_MAX} bytes")
        hits = self._scanner.scan(encoded)
        findings: tuple[str, ...] = ()
        if hits is not None:
            asked, found = self._walk(asked, hits, permitted, frozenset(binary))
            findings = tuple(sorted(found))
        asked, _, was_there = _take_out(asked, answered)
        if methods_of(asked) != before.asked:
            _refuse("a question under a key that must not be shown")
        asked["requestState"] = self._sealer.seal(
            msgspec.to_builtins(before),
            owner=permitted.principal.id,
            purpose=purpose_of(permitted, answered.armed.admitted.validated.encoded),
            seconds=ROUND_SECONDS_MAX,
        )
        findings = (*findings, FINDING) if was_there else findings
        return Cleaned(answered, asked, None, encode(asked), findings)

    def _clean_task(
        self, answered: Answered, untrusted: dict[str, JSON], permitted: Permitted
    ) -> Cleaned:
        """A task leaves under an id that is sealed for its caller; its outcome is a result like any other."""
        call, target = permitted.call, permitted.target
        asked = call.task
        if asked is not None and not asked.id and not is_creation(untrusted):
            return self._clean_result(answered, untrusted, permitted, plain=False)
        if call.operation.method == _TASK_RESULT:
            cleaned = self._clean_result(answered, untrusted, permitted, plain=False)
            kept, findings = cleaned.result or {}, cleaned.findings
        else:
            kept, findings = self._clean_status(answered, untrusted, permitted)
        if asked is not None and asked.id:
            identifier = asked.id
        else:
            own = task_of(untrusted)["taskId"]
            form: Form = "core" if asked is not None else "extension"
            handle = TaskHandle(target.server, target.name, form, own)
            identifier = seal_task(handle, self._sealer, permitted.principal.id)
        kept = with_id(kept, identifier)
        return Cleaned(answered, kept, None, encode(kept), findings)

    def _clean_status(
        self, answered: Answered, untrusted: dict[str, JSON], permitted: Permitted
    ) -> tuple[dict[str, JSON], tuple[str, ...]]:
        call, task = permitted.call, permitted.call.task
        check = check_acknowledgement if call.operation.method in _TOLD else check_task
        try:
            if task is None and not takes_tasks(call):
                raise ShapeError("a task for a caller that takes none")
            binary = check(untrusted)
            if task is not None and task.handle is not None:
                check_same(untrusted, task.handle)
        except ShapeError as error:
            _refuse(str(error))
        outcome = untrusted.get("result")
        if isinstance(outcome, dict) and "structuredContent" in outcome:
            self._check_output(outcome, permitted)
        if isinstance(outcome, dict) and call.server is None:
            public = with_public_uris(outcome, permitted.target.server, self._publish)
            untrusted = {**untrusted, "result": public}
            binary = check(untrusted)
        encoded = encode(untrusted)
        if len(encoded) > ANSWER_BYTES_MAX:
            _refuse(f"the answer is more than {ANSWER_BYTES_MAX} bytes")
        hits, kept = self._scanner.scan(encoded), untrusted
        findings: tuple[str, ...] = ()
        if hits is not None:
            kept, found = self._walk(untrusted, hits, permitted, frozenset(binary))
            findings = tuple(sorted(found))
        kept, _, was_there = _take_out(kept, answered)
        return kept, (*findings, FINDING) if was_there else findings

    def _check_output(self, untrusted: dict[str, JSON], permitted: Permitted) -> None:
        if untrusted.get("isError") is not True and permitted.target.key not in self._row_filters:
            problem = self._output_problem(permitted.target, untrusted["structuredContent"])
            if problem is not None:
                _refuse(problem)

    def _walk(
        self, value: JSON, hits: Hits, permitted: Permitted, binary: frozenset[int]
    ) -> tuple[JSON, Counter[str]]:
        cleaner = self._cleaner(hits, permitted, binary)
        try:
            cleaned = cleaner.value(value)
        except Unwalkable as error:
            _refuse(str(error))
        if self._rules_of(permitted).blocks(cleaner.found):
            names = ", ".join(sorted(cleaner.found))
            raise Denied(Reason.ANSWER_BLOCKED, f"the answer holds {names}", sent=True)
        return cleaned, cleaner.found

    def _cleaner(self, hits: Hits, permitted: Permitted, binary: frozenset[int]) -> Cleaner:
        rules = self._rules_of(permitted)
        return Cleaner(
            self._scanner, hits, rules.handling, binary=binary, link_hosts=rules.link_hosts
        )

    def _rules_of(self, permitted: Permitted) -> AnswerRules:
        return self._rules.get(permitted.target.key, _DEFAULT)

    def _clean_error(self, answered: Answered, error: RpcError, permitted: Permitted) -> Cleaned:
        """Errors are texts of the upstream like any other (THREATS P22)."""
        code = error.code if error.code in _RPC_CODES else _INTERNAL_ERROR
        # Far more than is shown, so that no secret at the end of that is cut in two.
        message = error.message[:_ERROR_DATA_BYTES_MAX]
        shown: dict[str, JSON] = {"code": code, "message": message}
        if error.data is not None and len(encode(error.data)) <= _ERROR_DATA_BYTES_MAX:
            shown["data"] = error.data
        findings: tuple[str, ...] = ()
        hits = self._scanner.scan(encode(shown))
        if hits is not None:
            shown, found = self._walk(shown, hits, permitted, frozenset())
            findings = tuple(sorted(found))
        shown, _, _ = _take_out(shown, answered)
        # Cut last: half a secret would not be known as one.
        shown["message"] = shown["message"][:_ERROR_MESSAGE_CHARS_MAX]
        if self._rules_of(permitted).marks(findings):
            shown["message"] = spotlit(shown["message"], new_mark())
        kept = RpcError(code, shown["message"], shown.get("data"))
        return Cleaned(answered, None, kept, encode(shown), findings)


def _withhold(answered: Answered, result: JSON, findings: tuple[str, ...]) -> Cleaned:
    result, encoded, was_there = _take_out(result, answered)
    return Cleaned(answered, result, None, encoded, (*findings, FINDING) if was_there else findings)


def _take_out(value: JSON, answered: Answered) -> tuple[JSON, bytes, bool]:
    """Return a value without the secret that the server was lent, encoded, and whether it was there."""
    encoded = encode(value)
    kept = without_lent(encoded, answered.armed.credential)
    if kept is encoded:
        return value, encoded, False
    try:
        return parse(kept), kept, True
    except DocumentError:
        _refuse("the answer holds the server's own credential in an odd place")


def _check(untrusted: dict[str, JSON], permitted: Permitted) -> tuple[int, ...]:
    check = CHECKS.get(permitted.call.operation.method)
    if check is None:
        _refuse("no answer is known for this operation")
    try:
        return check(untrusted)
    except ShapeError as error:
        _refuse(str(error))


def _refuse(private: str) -> NoReturn:
    raise Fault(Reason.UPSTREAM_INVALID, private, sent=True)
