"""Names and their addresses, given beforehand."""

from collections.abc import Mapping
from typing import final

from yett.validation.port import UnknownHost


@final
class MemoryResolver:
    """addresses: by name; each look-up is noted in `asked`."""

    def __init__(self, addresses: Mapping[str, tuple[str, ...]]) -> None:
        self._addresses = addresses
        self.asked: list[str] = []

    async def addresses(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        found = self._addresses.get(host, ())
        if not found:
            raise UnknownHost("there is no such name")
        return found
