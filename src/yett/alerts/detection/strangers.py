"""Credentials that were refused: nobody's key is known then, so what counts is where they came from."""

from collections import OrderedDict
from typing import Final, final

from yett.alerts.alert import Sighting
from yett.alerts.detection.places import network_of
from yett.alerts.detection.window import Window

NETWORKS_MAX: Final = 4_096
_FROM_ONE_LEAST: Final = 20
_FROM_ALL_LEAST: Final = 300
_TIMES: Final = 10.0
_LEARNING: Final = 0.05
_FIVE_MINUTES: Final = 2
"""Buckets: five full minutes, and what has begun of the next."""
_HOUR_SECONDS: Final = 3600.0


@final
class Failures:
    """usual: refused credentials in an hour, from everywhere."""

    def __init__(self) -> None:
        self._networks: OrderedDict[str, Window] = OrderedDict()
        self._all = Window()
        self._usual = 0.0
        self._learned_at = 0.0

    def count(self, peer: str, count: int, now: float) -> list[Sighting]:
        network = network_of(peer) or "unknown"
        window = self._networks.get(network)
        if window is None:
            window = self._networks[network] = Window()
            if len(self._networks) > NETWORKS_MAX:
                self._networks.popitem(last=False)
        self._networks.move_to_end(network)
        window.add(now, count)
        self._all.add(now, count)
        return [
            seen for seen in (self._from_one(network, window, now), self._from_all(now)) if seen
        ]

    def _from_one(self, network: str, window: Window, now: float) -> Sighting | None:
        recent = window.recent(now, _FIVE_MINUTES)
        if recent < _FROM_ONE_LEAST:
            return None
        return Sighting(
            "credentials",
            f"address:{network}",
            f"{recent:.0f} credentials from {network} were refused in the last minutes",
            "high",
            numbers={"network": network, "refused": int(recent)},
        )

    def _from_all(self, now: float) -> Sighting | None:
        total = self._all.total(now)
        if total < max(_FROM_ALL_LEAST, _TIMES * self._usual):
            return None
        return Sighting(
            "credentials",
            "address:all",
            f"{total:.0f} credentials were refused in the last hour, usually {self._usual:.0f}",
            "high",
            numbers={"refused": int(total), "usual": int(self._usual)},
        )

    def learn(self, now: float) -> None:
        if now - self._learned_at >= _HOUR_SECONDS:
            self._learned_at = now
            self._usual += _LEARNING * (self._all.total(now) - self._usual)
