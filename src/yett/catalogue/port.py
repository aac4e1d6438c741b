"""What the catalogue needs: somebody who asks a server, and a place for `yett.lock`."""

from collections.abc import Callable, Hashable
from typing import Protocol, final

import msgspec

from yett.catalogue.lock import Lock
from yett.core.target import JSON

SchemaCheck = Callable[[dict[str, JSON]], str | None]
"""A tool's definition → why its schemas cannot be used, or None. Raises OSError if that cannot be found
out now. Runs in a thread."""

RecordEvent = Callable[[dict[str, JSON]], None]
"""Writes one event down; may raise Fault, and is then asked again."""


@final
class Definitions(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a server offers: raw definitions, parsed strictly and not trusted."""

    tools: tuple[dict[str, JSON], ...] = ()
    prompts: tuple[dict[str, JSON], ...] = ()
    resources: tuple[dict[str, JSON], ...] = ()
    resource_templates: tuple[dict[str, JSON], ...] = ()


class Discoverer(Protocol):
    async def discover(self, server: str) -> Definitions:
        """Ask a server for all it offers, every page.

        Raises:
            Fault: it could not be reached, took too long, or answered nonsense.
        """
        ...


class LockStore(Protocol):
    def stamp(self) -> Hashable:
        """Return something that differs after each change by anybody. Cheap; never raises."""
        ...

    def read(self) -> Lock:
        """Return what is pinned; an empty lock if nothing was written yet.

        Raises:
            ConfigurationError: it is damaged. Never taken for empty.
        """
        ...

    def update(self, change: Callable[[Lock], Lock]) -> Lock:
        """Replace what is there by `change` of it, while nobody else can; write only a difference.

        Raises:
            ConfigurationError: it is damaged.
            Fault: it could not be written.
        """
        ...
