"""Every way in which a tool with `rows:` can answer, and what of it may be looked at any further. Pure.

A result is kept as far as its rows may be shown. A task is kept without its words; a question and a
notice are not passed on at all, for each could quote any row.
"""

from collections.abc import Mapping
from typing import Final, final

from yett.core.proofs import Permitted
from yett.core.talk import INPUT_REQUIRED
from yett.core.target import JSON
from yett.core.tasks import RELATED, TASK
from yett.sanitising.config import AnswerRules
from yett.sanitising.port import OutputCheck
from yett.sanitising.row_judging import Judges
from yett.sanitising.rows import RowFilter, Untellable
from yett.sanitising.shape import check_tool_result
from yett.sanitising.tasks import is_creation

_TASK_RESULT: Final = "tasks/result"
_OF_TASKS: Final = (
    "taskId", "status", "createdAt", "lastUpdatedAt", "ttl", "ttlMs", "pollInterval", "pollIntervalMs",
    "resultType",
)  # fmt: skip


def row_filters(rules: Mapping[str, AnswerRules]) -> dict[str, RowFilter]:
    """Return one for each tool whose answers have rows, by `server/tool`."""
    judges = Judges()
    return {
        key: RowFilter(rule.rows, judges) for key, rule in rules.items() if rule.rows is not None
    }


def keep_rows(
    untrusted: dict[str, JSON],
    permitted: Permitted,
    row_filter: RowFilter,
    output_problem: OutputCheck,
) -> tuple[dict[str, JSON], tuple[str, ...]]:
    """Return what may be looked at any further of what a tool answers, and findings.

    Raises:
        Untellable, ShapeError: nothing of it may.
    """
    call = permitted.call
    if untrusted.get("resultType") == INPUT_REQUIRED:
        raise Untellable("its server asks something, and what it asks could quote any row")
    is_task = untrusted.get("resultType") == TASK
    if call.task is not None and call.operation.method != _TASK_RESULT:
        is_task = bool(call.task.id) or is_creation(untrusted)
    keeping = _Keeping(permitted, row_filter, output_problem)
    return keeping.task(untrusted) if is_task else keeping.result(untrusted)


@final
class _Keeping:
    __slots__ = ("_filter", "_output_problem", "_permitted")

    def __init__(
        self, permitted: Permitted, row_filter: RowFilter, output_problem: OutputCheck
    ) -> None:
        self._permitted = permitted
        self._filter = row_filter
        self._output_problem = output_problem

    def result(self, untrusted: dict[str, JSON]) -> tuple[dict[str, JSON], tuple[str, ...]]:
        check_tool_result(untrusted)
        if "structuredContent" in untrusted and untrusted.get("isError") is not True:
            problem = self._output_problem(self._permitted.target, untrusted["structuredContent"])
            if problem is not None:
                raise Untellable(problem)
        shown, findings = self._filter.result(untrusted, self._permitted.rows)
        meta = shown.get("_meta", {}) | _related(untrusted)
        return shown | ({"_meta": meta} if meta else {}), findings

    def task(self, untrusted: dict[str, JSON]) -> tuple[dict[str, JSON], tuple[str, ...]]:
        inner = untrusted.get(TASK)
        if isinstance(inner, dict):
            return {TASK: _bare(inner), "_meta": _related(untrusted)}, ()
        if "inputRequests" in untrusted:
            raise Untellable("its server asks something, and what it asks could quote any row")
        kept = _bare(untrusted) | {"_meta": _related(untrusted)}
        findings: tuple[str, ...] = ()
        outcome = untrusted.get("result")
        if isinstance(outcome, dict):
            kept["result"], findings = self.result(outcome)
        return kept, findings


def _bare(task: dict[str, JSON]) -> dict[str, JSON]:
    return {name: task[name] for name in _OF_TASKS if name in task}


def _related(result: dict[str, JSON]) -> dict[str, JSON]:
    """Return the one member of `_meta` that a caller must have: to which task this belongs."""
    meta = result.get("_meta")
    # Its id is put there last of all.
    return {RELATED: {}} if isinstance(meta, dict) and RELATED in meta else {}
