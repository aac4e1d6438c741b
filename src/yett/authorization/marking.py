"""What the operator says of tools, and what it makes of those who call them."""

from collections.abc import Mapping
from typing import Final, final

import msgspec

from yett.authorization.config import ToolMarks
from yett.authorization.labels import Labels
from yett.core.operations import Kind
from yett.core.proofs import Cleaned, Permitted
from yett.core.target import Target

_UNMARKED: Final = ToolMarks()


@final
class Marking:
    """marks: by `server/tool`, or by server for all that it offers. labels: one for the life of the
    process."""

    __slots__ = ("_marks", "_traces", "labels")

    def __init__(self, marks: Mapping[str, ToolMarks], labels: Labels) -> None:
        self.labels: Final = labels
        self._marks = marks
        # Nobody looks for copies where nothing goes out.
        self._traces = any(mark.egress for mark in marks.values())

    def of(self, target: Target) -> ToolMarks:
        mark = self._marks.get(target.key) if target.kind is Kind.TOOL else None
        return mark or self._marks.get(target.server, _UNMARKED)

    def label(self, permitted: Permitted) -> frozenset[str]:
        """Give the caller the labels of what it calls; return them."""
        labels = frozenset(self.of(permitted.target).labels)
        if labels:
            self.labels.touch(permitted.principal.id, permitted.call.session, labels)
        return labels

    def remember(self, cleaned: Cleaned) -> None:
        """Label who is about to see this, and keep traces of the text."""
        permitted = cleaned.answered.armed.admitted.validated.permitted
        labels = self.label(permitted)
        if labels and self._traces:
            result = cleaned.result or msgspec.to_builtins(cleaned.error)
            self.labels.trace(permitted.principal.id, labels, result)
