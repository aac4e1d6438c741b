"""Make the call."""

from yett.upstreams.port import Discovered, Era, Exchange, Transport
from yett.upstreams.stage import Dispatcher, Route

__all__ = ["Discovered", "Dispatcher", "Era", "Exchange", "Route", "Transport"]
