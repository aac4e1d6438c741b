"""What streams tell of that belongs to no call: lists that changed, watched resources that did."""

from typing import Protocol, final

Resource = tuple[str, str]
"""Server and its own URI."""


class Watcher(Protocol):
    """Who watches resources. Both are called plainly and must be quick."""

    def updated(self, resource: Resource) -> None:
        """Take note that it has changed, or may have."""
        ...

    def lost(self, resource: Resource) -> None:
        """Take note that nobody asks its server any more: what was watched went with its connection."""
        ...


@final
class Changes:
    """What streams tell of. count: grows when the catalogue or a grant changed; streams look at it."""

    def __init__(self) -> None:
        self.count = 0
        self._watchers: dict[Resource, set[Watcher]] = {}

    def announce(self) -> None:
        self.count += 1

    def update(self, server: str, uri: str) -> None:
        """Tell who watches a resource that it changed. An empty `uri`: see `lose`."""
        if not uri:
            self.lose(server)
        for watcher in tuple(self._watchers.get((server, uri), ())):
            watcher.updated((server, uri))

    def lose(self, server: str) -> None:
        """Tell who watches anything of a server that it is reached in another way from now on."""
        for resource in [resource for resource in self._watchers if resource[0] == server]:
            for watcher in self._watchers.pop(resource):
                watcher.lost(resource)

    def watch(self, resource: Resource, watcher: Watcher) -> None:
        self._watchers.setdefault(resource, set()).add(watcher)

    def unwatch(self, resource: Resource, watcher: Watcher) -> None:
        watchers = self._watchers.get(resource, set())
        watchers.discard(watcher)
        if not watchers:
            self._watchers.pop(resource, None)
