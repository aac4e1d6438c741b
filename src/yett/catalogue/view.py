"""Everything that may be used at one moment, ready to be looked up. Replaced as a whole."""

from typing import final

import msgspec

from yett.catalogue.board import KINDS, Board
from yett.catalogue.names import decode_uri, public_uri, split_name, split_uri
from yett.core.operations import Kind
from yett.core.target import Target

Scope = tuple[str | None, Kind | None]
"""A server or all of them, a kind or all of them."""


@final
class View(msgspec.Struct, frozen=True):
    """boards: of every server ever verified in this process, in the configured order: for lists.
    trusted: of those whose verification still holds: for calls."""

    boards: dict[str, Board] = {}
    trusted: dict[str, Board] = {}
    inventories: dict[Scope, tuple[Target, ...]] = {}

    def find(self, kind: Kind, server: str | None, name: str) -> Target | None:
        """Return what a name means, spelled in the one way it is spelled. server: None on `/mcp`."""
        if kind is Kind.RESOURCE:
            return self._find_resource(server, name)
        if kind is Kind.RESOURCE_TEMPLATE and server is None:
            return self._find_template(name)
        if server is None:
            server, name = split_name(name)
        board = self.trusted.get(server)
        return None if board is None else board.targets[kind].get(name)

    def find_alias(self, alias: str) -> Target | None:
        """Return the tool that model providers know by another name (`core/aliases.py`)."""
        fitting = (board.aliases.get(alias) for board in self.trusted.values())
        return next((target for target in fitting if target is not None), None)

    def take(self, scope: Scope) -> tuple[Target, ...]:
        """Return what is in use in a scope: the same tuple each time, in a stable order."""
        found = self.inventories.get(scope)
        if found is None:
            server, wanted = scope
            boards = self.boards.values() if server is None else self._only(server)
            kinds = KINDS if wanted is None else (wanted,)
            found = tuple(
                target for board in boards for kind in kinds for target in board.listed[kind]
            )
            # Only known scopes are kept, or a caller could fill the memory with made-up ones.
            if server is None or server in self.boards:
                self.inventories[scope] = found
        return found

    def _only(self, server: str) -> tuple[Board, ...]:
        board = self.boards.get(server)
        return () if board is None else (board,)

    def _find_template(self, public: str) -> Target | None:
        board = self.trusted.get(split_uri(public)[0])
        if board is None:
            return None
        templates = board.targets[Kind.RESOURCE_TEMPLATE].values()
        return next((target for target in templates if target.public_name == public), None)

    def _find_resource(self, server: str | None, name: str) -> Target | None:
        encoded = None
        uri: str | None = name
        if server is None:
            server, encoded = split_uri(name)
            uri = decode_uri(encoded)
        board = self.trusted.get(server)
        if board is None:
            return None
        listed = None if uri is None else board.targets[Kind.RESOURCE].get(uri)
        return listed or _from_template(board, name, encoded)


def _from_template(board: Board, name: str, encoded: str | None) -> Target | None:
    for template, target in board.templates:
        if encoded is None:
            uri = name if template.matches(name) else None
        else:
            uri = template.lead_back(encoded)
            # What has a pin of its own has one spelling only, and may be quarantined.
            if uri in board.targets[Kind.RESOURCE]:
                return None
        if uri is not None:
            public = public_uri(target.server, uri) if encoded is None else name
            return msgspec.structs.replace(target, kind=Kind.RESOURCE, name=uri, public_name=public)
    return None
