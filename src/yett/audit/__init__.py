"""What happened? Written before the world changes and again after."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yett.audit.record import Record
    from yett.audit.stage import Auditor
else:
    from yett.core.lazy import lazily

    __getattr__ = lazily(
        __name__,
        Record="record",
        Auditor="stage",
    )

__all__ = ["Auditor", "Record"]
