"""The composition root: configuration in, a gate out. Nothing else wires anything."""

from yett.app.gateway import Gateway, open_gateway

__all__ = ["Gateway", "open_gateway"]
