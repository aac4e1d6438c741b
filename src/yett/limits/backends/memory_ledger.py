"""Money in this process only: for trying things out and for tests. Forgets all at its end."""

from typing import final

from yett.limits.balances import Balances, end_of
from yett.limits.port import Period, Reservation


@final
class MemoryLedger:
    __slots__ = ("_balances", "_number", "_open")

    def __init__(self) -> None:
        self._balances = Balances()
        self._number = 0
        self._open: set[int] = set()

    def reserve(
        self, account: str, micros: int, *, limit_micros: int | None, period: Period, at: float
    ) -> Reservation | None:
        if micros <= 0:
            raise ValueError("only a positive amount can be reserved")
        day = self._balances.charge_within(account, micros, limit_micros, period, at)
        if day is None:
            return None
        self._number += 1
        self._open.add(self._number)
        return Reservation(self._number, account, micros, day)

    def settle(self, reservation: Reservation) -> None:
        self._open.discard(reservation.number)

    def release(self, reservation: Reservation) -> None:
        if reservation.number in self._open:
            self._open.remove(reservation.number)
            self._balances.refund(reservation.account, reservation.micros, reservation.day)

    def spent(self, account: str, period: Period, at: float) -> int:
        return self._balances.spent_at(account, period, at)

    def resets_at(self, period: Period, at: float) -> float | None:
        return end_of(period, self._balances.today(at))

    def close(self) -> None:
        self._open.clear()
