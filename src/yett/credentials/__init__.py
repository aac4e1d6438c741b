"""With which secret? The server's own, never the caller's, and the agent never sees it."""

from yett.credentials.port import Leased, SecretSource
from yett.credentials.stage import Armourer, Plan

__all__ = ["Armourer", "Leased", "Plan", "SecretSource"]
