"""The server before a database, as every other server is reached: by requests of MCP."""

import asyncio
from collections.abc import Callable
from typing import Final, final

from yett.core.call import RpcError
from yett.core.document import encode, parse
from yett.core.errors import Fault
from yett.core.identity import Principal
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.upstreams.backends.sql.arguments import statement_of, table_of
from yett.upstreams.backends.sql.definitions import definitions
from yett.upstreams.backends.sql.engine import (
    NO_SUCH_TABLE,
    TABLES_MAX,
    Caller,
    Engine,
    Rejected,
    Rows,
)
from yett.upstreams.backends.sql.sharing import Room
from yett.upstreams.databases import Dialect
from yett.upstreams.handshake import MODERN_VERSION
from yett.upstreams.port import (
    Begin,
    Beside,
    Discovered,
    Era,
    Exchange,
    ignore_change,
    ignore_update,
)
from yett.upstreams.rpc import METHOD_NOT_FOUND

_PASSWORD: Final = "password"  # noqa: S105 - the name of a part of the credential, not its value
_CALL: Final = "tools/call"
_NO_METHOD: Final = RpcError(METHOD_NOT_FOUND, "Method not found")
_NO_TOOL: Final = -32602
_WAITING_SHARE: Final = 0.5
"""Of the time of a call: the rest is for the statement."""
_LEFT_FOR_OTHERS: Final = 2
"""Of the statements that run at the same time: so many no tenant takes alone."""


@final
class SqlTransport:
    """Make it inside the event loop that will use it."""

    def __init__(self, engine: Engine, dialect: Dialect) -> None:
        self.on_changed: Callable[[], None] = ignore_change
        self.on_updated: Callable[[str], None] = ignore_update
        self._engine = engine
        most = engine.statements_max
        self._room = Room(most, max(1, most - _LEFT_FOR_OTHERS))
        self._dialect: Dialect = dialect
        self._era: Era | None = None
        self._closed = False

    @property
    def era(self) -> Era | None:
        return self._era

    @property
    def version(self) -> str | None:
        return None if self._era is None else MODERN_VERSION

    def last_words(self) -> tuple[str, ...]:
        return ()

    async def request(
        self,
        method: str,
        params: dict[str, JSON],
        *,
        credential: Credential,
        deadline_seconds: float,
        beside: Beside | None = None,
    ) -> Exchange:
        self._check_open()
        if method != _CALL:
            return Exchange(None, _NO_METHOD, 0)
        if beside is None or beside.principal is None:
            raise Fault(Reason.INTERNAL_ERROR, "nobody was named for whom to ask the database")
        # The arguments may be encoded already, and are then nothing that could be looked into.
        arguments = parse(encode(params.get("arguments", {})))
        if not isinstance(arguments, dict):
            raise Fault(Reason.INTERNAL_ERROR, "arguments that are no object")
        password, name = _password_of(credential), str(params.get("name"))
        try:
            async with asyncio.timeout(deadline_seconds):
                exchange = await self._call(
                    name, arguments, beside.principal, password, deadline_seconds
                )
        except TimeoutError:
            raise Fault(Reason.UPSTREAM_TIMEOUT, "no answer in time", sent=True) from None
        self._era = Era.MODERN
        return exchange

    async def call(
        self, tool: str, arguments: bytes, credential: Credential, seconds: float
    ) -> Exchange:
        """It has to be named for whom, so this is refused."""
        params: dict[str, JSON] = {"name": tool, "arguments": parse(arguments)}
        return await self.request(_CALL, params, credential=credential, deadline_seconds=seconds)

    def shortcut(self, tool: str) -> Begin | None:  # noqa: ARG002 - there is none for any
        return None

    async def discover(
        self, credential: Credential, *, deadline_seconds: float = 30.0
    ) -> Discovered:
        self._check_open()
        try:
            async with asyncio.timeout(deadline_seconds):
                await self._engine.check(_password_of(credential))
        except TimeoutError:
            raise Fault(Reason.UPSTREAM_TIMEOUT, "no answer in time") from None
        self._era = Era.MODERN
        return Discovered(tools=definitions(self._dialect))

    async def watch(
        self,
        uri: str,  # noqa: ARG002 - there is nothing to watch
        *,
        credential: Credential,  # noqa: ARG002 - likewise
        deadline_seconds: float,  # noqa: ARG002 - likewise
    ) -> Exchange:
        self._check_open()
        return Exchange(None, _NO_METHOD, 0)

    def unwatch(self, uri: str) -> None: ...

    async def renew(self) -> None:
        """It is given the password with each call."""

    async def close(self) -> None:
        self._closed = True
        await self._engine.close()

    def _check_open(self) -> None:
        if self._closed:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "it was stopped")

    async def _call(
        self,
        tool: str,
        arguments: dict[str, JSON],
        principal: Principal,
        password: Secret,
        seconds: float,
    ) -> Exchange:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        try:
            async with self._room.of(principal.tenant, seconds * _WAITING_SHARE):
                caller = Caller(principal, password, until - loop.time())
                return await self._answer(tool, arguments, caller)
        except Rejected as rejected:
            text: JSON = {"type": "text", "text": str(rejected)}
            return Exchange({"content": [text], "isError": True}, None, len(str(rejected)))

    async def _answer(self, tool: str, arguments: dict[str, JSON], caller: Caller) -> Exchange:
        match tool:
            case "query":
                rows = await self._engine.run(statement_of(arguments), caller)
                return _answered(_structured(rows))
            case "list_tables":
                tables = await self._engine.tables(caller)
                more = len(tables) > TABLES_MAX
                return _answered({"tables": tables[:TABLES_MAX], "truncated": more})
            case "describe_table":
                table = await self._engine.table(table_of(arguments), caller)
                if table is None:
                    raise Rejected(NO_SUCH_TABLE)
                return _answered(table)
            case _:
                return Exchange(None, RpcError(_NO_TOOL, "Unknown tool"), 0)


def _structured(rows: Rows) -> dict[str, JSON]:
    return {
        "columns": [{"name": column.name, "type": column.type} for column in rows.columns],
        "rows": list(rows.rows),
        "truncated": rows.truncated,
    }


def _answered(structured: dict[str, JSON]) -> Exchange:
    """The text says the same, for clients that read no more (MCP 2025-06-18, Tools: Structured Content)."""
    encoded = encode(structured)
    text: JSON = {"type": "text", "text": encoded.decode()}
    return Exchange({"content": [text], "structuredContent": structured}, None, len(encoded))


def _password_of(credential: Credential) -> Secret:
    return next((value for name, value in credential.headers if name == _PASSWORD), Secret(""))
