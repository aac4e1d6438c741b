"""With which secret? The server's own, never the caller's, and the agent never sees it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yett.credentials.port import Leased, SecretSource
    from yett.credentials.stage import Armourer, Plan
else:
    from yett.core.lazy import lazily

    __getattr__ = lazily(
        __name__,
        Leased="port",
        SecretSource="port",
        Armourer="stage",
        Plan="stage",
    )

__all__ = ["Armourer", "Leased", "Plan", "SecretSource"]
