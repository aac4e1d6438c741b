"""Configuration in, backend out."""

import importlib.util
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from yett.core.address import is_loopback
from yett.core.clock import Clock
from yett.core.errors import ConfigurationError, Problem
from yett.core.secret import Secret
from yett.upstreams.backends.http.dial import Dialer
from yett.upstreams.backends.http.endpoint import parse_endpoint
from yett.upstreams.backends.http.transport import HttpTransport
from yett.upstreams.breaker import Breakers
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.databases import SqliteAddress, parse_database
from yett.upstreams.port import Lease, Transport
from yett.upstreams.retrying import Retries
from yett.upstreams.stage import Route
from yett.upstreams.wishes import every_wish


def build(
    config: UpstreamConfig,
    *,
    command: Callable[[], Awaitable[tuple[str, ...]]],
    environment: Callable[[], Awaitable[dict[str, Secret]]],
    lease: Lease,
    base_environment: Mapping[str, str],
    ssl_context_factory: Callable[[], ssl.SSLContext],
) -> Transport:
    """Make the transport to one server. Nothing is opened or started before its first use.

    Call it inside the event loop that will use it. command, environment: asked at each start of a
    stdio server. lease: see `HttpTransport`. base_environment: all else that such a server may see. ssl_context_factory: asked
    once, at the first TLS connection.

    Raises:
        ConfigurationError: not exactly one of `url`, `command` and `database`, or an address that cannot be
            used.
    """
    if (config.url is not None) + bool(config.command) + (config.database is not None) != 1:
        raise _wrong(
            config.name,
            "a server needs one of `url`, `command` and `database`, and only one",
            "Give its address, or the command that starts it",
        )
    if config.database is not None:
        return _before_database(config, config.database, ssl_context_factory)
    if config.url is not None:
        endpoint = parse_endpoint(config.url)
        dialer = Dialer(endpoint, ssl_context_factory)
        return HttpTransport(endpoint, dialer, lease=lease, offers=every_wish(config.may_ask))
    from yett.upstreams.backends.stdio.child import Launch  # noqa: PLC0415 - only who starts programs
    from yett.upstreams.backends.stdio.transport import StdioTransport  # noqa: PLC0415 - likewise

    launch = Launch(command, environment, dict(base_environment), config.cwd)
    return StdioTransport(launch, every_wish(config.may_ask))


def build_route(config: UpstreamConfig, transport: Transport, clock: Clock) -> Route:
    """Make what the dispatcher keeps for one server."""
    breakers = Breakers(
        failures=config.breaker_failures,
        cooldown_seconds=config.breaker_cooldown_seconds,
        clock=clock,
    )
    return Route(
        transport,
        breakers,
        config.timeout_seconds,
        config.may_ask,
        acts_for_callers=config.database is not None,
        idempotent=config.idempotent,
        retries=Retries(clock.monotonic),
    )


def _before_database(
    config: UpstreamConfig, database: str, context: Callable[[], ssl.SSLContext]
) -> Transport:
    """The modules are read only where there is such a server: one needs an extra."""
    from yett.upstreams.backends.sql.transport import SqlTransport  # noqa: PLC0415 - see above

    address = parse_database(database)
    if isinstance(address, SqliteAddress):
        from yett.upstreams.backends.sql.sqlite import SqliteEngine  # noqa: PLC0415 - see above

        return SqlTransport(SqliteEngine(Path(address.path), config.tables), "sqlite")
    if importlib.util.find_spec("asyncpg") is None:
        raise _wrong(
            config.name,
            "the driver for PostgreSQL is not installed",
            "Install Yett with it: `pip install '.[postgres]'` in its checkout.",
        )
    from yett.upstreams.backends.sql.postgres import PostgresEngine  # noqa: PLC0415 - see above

    plain = is_loopback(address.host) and not address.tls
    engine = PostgresEngine(address, None if plain else context, config.tables)
    return SqlTransport(engine, "postgres")


def _wrong(server: str, message: str, fix: str) -> ConfigurationError:
    return ConfigurationError([Problem(message, fix=fix, path=("servers", server))])
