"""Configuration in, backend out."""

import ssl
from collections.abc import Awaitable, Callable, Mapping

from yett.core.clock import Clock
from yett.core.errors import ConfigurationError, Problem
from yett.core.secret import Secret
from yett.upstreams.backends.http.dial import Dialer
from yett.upstreams.backends.http.endpoint import parse_endpoint
from yett.upstreams.backends.http.transport import HttpTransport
from yett.upstreams.backends.stdio.child import Launch
from yett.upstreams.backends.stdio.transport import StdioTransport
from yett.upstreams.breaker import Breaker
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.port import Transport
from yett.upstreams.stage import Route
from yett.upstreams.wishes import every_wish


def build(
    config: UpstreamConfig,
    *,
    command: Callable[[], Awaitable[tuple[str, ...]]],
    environment: Callable[[], Awaitable[dict[str, Secret]]],
    base_environment: Mapping[str, str],
    ssl_context_factory: Callable[[], ssl.SSLContext],
) -> Transport:
    """Make the transport to one server. Nothing is opened or started before its first use.

    Call it inside the event loop that will use it. command, environment: asked at each start of a
    stdio server. base_environment: all else that such a server may see. ssl_context_factory: asked
    once, at the first TLS connection.

    Raises:
        ConfigurationError: not exactly one of `url` and `command`, or a URL that cannot be used.
    """
    if (config.url is None) == (not config.command):
        raise ConfigurationError(
            [
                Problem(
                    "a server needs one of `url` and `command`, and only one",
                    fix="Give its address, or the command that starts it",
                    path=("servers", config.name),
                )
            ]
        )
    if config.url is not None:
        endpoint = parse_endpoint(config.url)
        dialer = Dialer(endpoint, ssl_context_factory)
        return HttpTransport(endpoint, dialer, offers=every_wish(config.may_ask))
    launch = Launch(command, environment, dict(base_environment), config.cwd)
    return StdioTransport(launch, every_wish(config.may_ask))


def build_route(config: UpstreamConfig, transport: Transport, clock: Clock) -> Route:
    """Make what the dispatcher keeps for one server."""
    breaker = Breaker(
        failures=config.breaker_failures,
        cooldown_seconds=config.breaker_cooldown_seconds,
        clock=clock,
    )
    return Route(transport, breaker, config.timeout_seconds, config.may_ask)
