"""Operators come in here: their own port, their own credential, never on the data port."""

from yett.admin.server import AdminServer

__all__ = ["AdminServer"]
