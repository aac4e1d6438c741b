"""What a place that holds secrets must do."""

from collections.abc import Hashable
from typing import Protocol, final

import msgspec

from yett.core.secret import Secret


@final
class Leased(msgspec.Struct, frozen=True):
    """A value, borrowed for as long as the configuration says.

    version: changes when the value does. servers: the names of those who may be given it.
    """

    value: Secret
    version: int
    servers: tuple[str, ...]


class SecretSource(Protocol):
    async def fetch(self, name: str, *, server: str) -> Leased:
        """Return the present value of `name`, with the servers that may be given it.

        `server` is the one that asks. A source without a scope of its own (a file, the environment)
        answers `(server,)`: there the line of the configuration is the scope.

        Raises:
            Fault: there is none, it may not be read, or the place could not be asked.
        """
        ...

    def mark(self) -> Hashable:
        """Return something that differs from the last answer if any value may have changed.

        Raises:
            Fault: the place could not be asked. Every lease ends then.
        """
        ...
