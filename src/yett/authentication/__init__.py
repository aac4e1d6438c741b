"""Who is calling?"""

from yett.authentication.port import KeyStore, StoredKey, StoreState
from yett.authentication.stage import Authenticator

__all__ = ["Authenticator", "KeyStore", "StoreState", "StoredKey"]
