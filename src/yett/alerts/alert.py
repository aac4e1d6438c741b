"""One alert, from when it was first seen until it is over."""

from typing import Literal, final

import msgspec

from yett.alerts.config import Severity
from yett.core.clock import iso_time, iso_time_or_none
from yett.core.target import JSON

State = Literal["open", "acknowledged", "resolved"]


@final
class Sighting(msgspec.Struct, frozen=True):
    """Something that a person should hear of, seen once. subject: what it is about, `key:ID`, `server:NAME`,
    `tool:SERVER/NAME`, `address:NETWORK` …; the same kind and subject is one alert. tenant: whose it is;
    empty: the operator's own. says: one sentence that explains the numbers."""

    kind: str
    subject: str
    says: str
    severity: Severity
    tenant: str = ""
    numbers: dict[str, JSON] = {}


@final
class Alert(msgspec.Struct, frozen=True):
    """count: how often it was seen. silenced: nobody was told. Times: seconds since 1970."""

    id: str
    kind: str
    subject: str
    tenant: str
    severity: Severity
    says: str
    numbers: dict[str, JSON]
    state: State
    silenced: bool
    first_at: float
    last_at: float
    count: int
    acknowledged_by: str | None = None
    acknowledged_at: float | None = None
    note: str | None = None
    resolved_at: float | None = None

    def described(self) -> dict[str, JSON]:
        """Return what people and programs are shown."""
        return {
            "id": self.id,
            "kind": self.kind,
            "severity": self.severity,
            "subject": self.subject,
            "tenant": self.tenant or None,
            "says": self.says,
            "numbers": self.numbers,
            "state": self.state,
            "silenced": self.silenced,
            "first_at": iso_time(self.first_at),
            "last_at": iso_time(self.last_at),
            "count": self.count,
            "acknowledged_by": self.acknowledged_by,
            "acknowledged_at": iso_time_or_none(self.acknowledged_at),
            "note": self.note,
            "resolved_at": iso_time_or_none(self.resolved_at),
        }
