"""Secrets from Yett's own vault."""

import asyncio
from collections.abc import Hashable
from typing import final

from yett.credentials.port import Leased
from yett.credentials.vault import Vault


@final
class EmbeddedSource:
    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def fetch(self, name: str, *, server: str) -> Leased:  # noqa: ARG002 - the stage compares
        # The database is synchronous; a slow disk must not stop the other callers.
        return Leased(*await asyncio.to_thread(self._vault.get, name))

    def mark(self) -> Hashable:
        return self._vault.mark()
