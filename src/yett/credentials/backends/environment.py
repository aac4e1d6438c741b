"""Secrets from Yett's own environment: development only, since every child and core dump may show it."""

from collections.abc import Hashable, Mapping
from typing import final

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.credentials.port import Leased


@final
class EnvironmentSource:
    """`variables`: as the configuration read them at start; they do not change afterwards."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._values = {
            name: Secret(text.encode(errors="surrogateescape")) for name, text in variables.items()
        }

    async def fetch(self, name: str, *, server: str) -> Leased:
        value = self._values.get(name)
        if not value:
            raise Fault(Reason.INTERNAL_ERROR, f"the environment variable {name} is not set")
        return Leased(value, 1, (server,))

    def mark(self) -> Hashable:
        return 0
