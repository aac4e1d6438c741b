"""Agents come in here: bytes → one `Call`, one `Reply` → bytes. Decides nothing about permission."""

from yett.edge.gate import Gate
from yett.edge.http.listener import Listener
from yett.edge.router import Router

__all__ = ["Gate", "Listener", "Router"]
