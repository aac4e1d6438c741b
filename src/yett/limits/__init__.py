"""Is there room for this call: in its rates, at the same time, and in its budget?"""

from yett.limits.admission import Admission
from yett.limits.port import Counter, Ledger, SharedStore
from yett.limits.stage import Limiter
from yett.limits.state import LimitsState

__all__ = ["Admission", "Counter", "Ledger", "Limiter", "LimitsState", "SharedStore"]
