"""Where a server is and how long to wait for it."""

from typing import final

import msgspec


@final
class UpstreamConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One of `url`, `command` and `database`. tables: of a database, the only ones that may be read. environment: values are literals or references, resolved by the
    credentials domain. timeout_seconds: for one answer. ca/client_certificate/client_key: paths.
    pins: see `tls.client_context`.
    may_ask: capabilities of a caller that the server may make use of. idempotent: tools that may be called twice.
    breaker_failures: how many in a row open the breaker, breaker_cooldown_seconds: for how long."""

    name: str
    url: str | None = None
    command: tuple[str, ...] = ()
    database: str | None = None
    tables: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    cwd: str | None = None
    timeout_seconds: float = 30.0
    ca: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    pins: tuple[str, ...] = ()
    may_ask: frozenset[str] = frozenset()
    idempotent: frozenset[str] = frozenset()
    breaker_failures: int = 10
    breaker_cooldown_seconds: float = 10.0
