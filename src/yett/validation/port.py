"""What validation asks outside of itself: where a name leads, and only for tools that want it."""

from typing import Protocol


class UnknownHost(Exception):
    """Nobody could say in time where the name leads. The message is for the operator."""


class Resolver(Protocol):
    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return every address of a name of DNS, IPv4 and IPv6; at least one.

        Raises:
            UnknownHost: it has none, or the answer did not come in time.
        """
        ...
