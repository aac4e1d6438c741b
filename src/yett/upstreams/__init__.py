"""Make the call."""

from yett.upstreams.parking import ParkingLot
from yett.upstreams.port import Discovered, Era, Exchange, Transport
from yett.upstreams.stage import Dispatcher, Route

__all__ = [
    "Discovered",
    "Dispatcher",
    "Era",
    "Exchange",
    "ParkingLot",
    "Route",
    "Transport",
]
