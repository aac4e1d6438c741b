"""Secrets in memory, for trying things out and for tests. Suspends and fails as the others do."""

import asyncio
from collections.abc import Hashable
from typing import final

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.credentials.port import Leased


@final
class MemorySource:
    """sealed: set it and nothing is given out, as with a vault that is down. fetched: the names
    that were asked for, in order."""

    def __init__(self) -> None:
        self._values: dict[str, Leased] = {}
        self._changes = 0
        self.sealed = False
        self.fetched: list[str] = []

    def put(self, name: str, value: Secret, *, servers: tuple[str, ...]) -> None:
        before = self._values.get(name)
        self._values[name] = Leased(value, before.version + 1 if before else 1, servers)
        self._changes += 1

    async def fetch(self, name: str, *, server: str) -> Leased:  # noqa: ARG002 - the stage compares
        self.fetched.append(name)
        found = self._values.get(name)
        await asyncio.sleep(0)
        if self.sealed or found is None:
            raise Fault(Reason.INTERNAL_ERROR, f"secret `{name}` cannot be had")
        return found

    def mark(self) -> Hashable:
        if self.sealed:
            raise Fault(Reason.INTERNAL_ERROR, "the vault is sealed")
        return self._changes
