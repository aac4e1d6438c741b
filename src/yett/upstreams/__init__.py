"""Make the call."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yett.upstreams.parking import ParkingLot
    from yett.upstreams.port import Discovered, Era, Exchange, Transport
    from yett.upstreams.stage import Dispatcher, Route
else:
    from yett.core.lazy import lazily

    __getattr__ = lazily(
        __name__,
        ParkingLot="parking",
        Discovered="port",
        Era="port",
        Exchange="port",
        Transport="port",
        Dispatcher="stage",
        Route="stage",
    )

__all__ = [
    "Discovered",
    "Dispatcher",
    "Era",
    "Exchange",
    "ParkingLot",
    "Route",
    "Transport",
]
