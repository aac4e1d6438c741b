"""Is there room for this call: in its rates, at the same time, and in its budget?"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yett.limits.admission import Admission
    from yett.limits.port import Counter, Ledger, SharedStore
    from yett.limits.stage import Limiter
    from yett.limits.state import LimitsState
else:
    from yett.core.lazy import lazily

    __getattr__ = lazily(
        __name__,
        Admission="admission",
        Counter="port",
        Ledger="port",
        SharedStore="port",
        Limiter="stage",
        LimitsState="state",
    )

__all__ = ["Admission", "Counter", "Ledger", "Limiter", "LimitsState", "SharedStore"]
