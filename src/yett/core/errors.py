"""The two ways to say no. Whose fault it was is in the type.

`Denied`: the gateway decided. `Fault`: something needed did not answer, so the call ends; there is
no mode in which a check is skipped. Anything else that is raised is a bug, and the pipeline turns
it into `internal_error`. No stage may catch these; who else does is a closed list, each with its
reason (tests/architecture/test_refusals.py).
"""

from typing import final

from yett.core.reasons import Reason
from yett.core.target import JSON


class Refusal(Exception):
    """Base of both; never raised itself.

    `private` is for the operator and goes to the audit record only. The keyword arguments are the
    public details, shown to the caller:

    pointer: JSON Pointer (RFC 6901) of what is wrong in the input.
    shown: one sentence that is safe to show, e.g. the rule the operator chose to show.
    retry_after_seconds: when to come back.
    resets_at: when the budget resets, seconds since 1970.
    sent: the call may have reached the upstream, so its outcome is unknown.
    approval: id of the question that a person has to answer, or has answered with no.
    question: what the caller itself can be asked, as a result of the type `input_required`.

    counted: not public; it is recorded as one of many, not by itself (yett.limits.strangers).
    verdict: not public; ids of the policies that said no, and the version of their set.
    """

    def __init__(  # noqa: PLR0913 - each is a detail of its own, and nearly always left out
        self,
        reason: Reason,
        private: str,
        *,
        pointer: str | None = None,
        shown: str | None = None,
        retry_after_seconds: float | None = None,
        resets_at: float | None = None,
        sent: bool = False,
        approval: str | None = None,
        question: dict[str, JSON] | None = None,
        counted: bool = False,
        verdict: tuple[tuple[str, ...], str] | None = None,
    ) -> None:
        super().__init__(reason, private)
        self.reason = reason
        self.private = private
        self.pointer = pointer
        self.shown = shown
        self.retry_after_seconds = retry_after_seconds
        self.resets_at = resets_at
        self.sent = sent
        self.approval = approval
        self.question = question
        self.counted = counted
        self.verdict = verdict


@final
class Denied(Refusal):
    """A check said no."""


@final
class Fault(Refusal):
    """A check, a store or a server could not say anything. That is a no as well."""


class ConfigurationError(Exception):
    """The configuration cannot be used. `problems` says where and how to mend it."""

    def __init__(self, problems: "list[Problem]") -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@final
class Problem:
    """One thing wrong with a configuration: where, what, and the fix. Never quotes a secret."""

    __slots__ = ("file", "fix", "line", "message", "path")

    def __init__(
        self,
        message: str,
        *,
        fix: str,
        path: tuple[str | int, ...] = (),
        file: str = "",
        line: int = 0,
    ) -> None:
        self.message = message
        self.fix = fix
        self.path = path
        self.file = file
        self.line = line

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        where = f"{self.file}{line}: " if self.file else ""
        key = f"`{'.'.join(map(str, self.path))}`: " if self.path else ""
        return f"{where}{key}{self.message}. {self.fix}"


class CommandError(Exception):
    """A command cannot do what it was asked. Says what to do next; the CLI prints it and exits 1."""
