"""What happened? Written before the world changes and again after."""

from yett.audit.record import Record
from yett.audit.stage import Auditor

__all__ = ["Auditor", "Record"]
