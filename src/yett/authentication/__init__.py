"""Who is calling?"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yett.authentication.port import KeyStore, StoredKey, StoreState
    from yett.authentication.stage import Authenticator
else:
    from yett.core.lazy import lazily

    __getattr__ = lazily(
        __name__,
        KeyStore="port",
        StoredKey="port",
        StoreState="port",
        Authenticator="stage",
    )

__all__ = ["Authenticator", "KeyStore", "StoreState", "StoredKey"]
