"""Which era a server speaks, and what opens a conversation with it. Pure.

MCP 2026-07-28, Versioning: ask `server/discover` first; what gives no evidence of the modern era is
legacy. That a server cannot be reached is evidence of nothing.
"""

from collections.abc import Collection
from typing import Final, final

import msgspec
import orjson

from yett import __version__
from yett.core.document import encode
from yett.core.target import JSON
from yett.upstreams.port import Beside, Era, Exchange, Wishes
from yett.upstreams.rpc import InvalidAnswer
from yett.upstreams.wishes import offered

MODERN_VERSION: Final = "2026-07-28"
OFFERED_VERSION: Final = "2025-11-25"
LEGACY_VERSIONS: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")

_CLIENT: Final = {"name": "yett", "version": __version__}
MODERN_META: Final[dict[str, JSON]] = {
    "io.modelcontextprotocol/protocolVersion": MODERN_VERSION,
    "io.modelcontextprotocol/clientInfo": _CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
ENCODED_META: Final = orjson.Fragment(encode(MODERN_META))
"""The same, encoded once; it stands in what is encoded."""
DISCOVER_PARAMS: Final[dict[str, JSON]] = {}
INITIALIZE_PARAMS: Final[dict[str, JSON]] = {
    "protocolVersion": OFFERED_VERSION,
    "capabilities": {},
    "clientInfo": _CLIENT,
}

_HEADER_MISMATCH: Final = -32020
_MISSING_CAPABILITY: Final = -32021
_UNSUPPORTED_VERSION: Final = -32022


@final
class Opening(msgspec.Struct, frozen=True):
    """What the two sides agreed on. capabilities: of the server; None when it did not say."""

    era: Era
    version: str
    capabilities: dict[str, JSON] | None


def with_meta(params: dict[str, JSON]) -> dict[str, JSON]:
    """Return the parameters of a modern request. What stood under `_meta` is replaced."""
    return {**params, "_meta": MODERN_META}


def with_beside(
    params: dict[str, JSON], beside: Beside, identifier: int, *, modern: bool
) -> dict[str, JSON]:
    """Return the parameters of a request besides which something passes.

    identifier: of the request; the progress token is the same. What stood under `_meta` is replaced.
    """
    meta = dict(beside.trace)
    if beside.progress:
        meta["progressToken"] = identifier
    if modern:
        meta |= MODERN_META
        meta["io.modelcontextprotocol/clientCapabilities"] = _declared(beside)
        if beside.wishes.log_level is not None:
            meta["io.modelcontextprotocol/logLevel"] = beside.wishes.log_level
    return {**params, "_meta": meta} if meta else params


def _declared(beside: Beside) -> dict[str, JSON]:
    capabilities = offered(beside.wishes)
    if beside.extensions:
        capabilities["extensions"] = {name: {} for name in beside.extensions}
    return capabilities


def initialize_params(wishes: Wishes) -> dict[str, JSON]:
    """Return what opens a legacy conversation in which the server may ask what `wishes` offer."""
    return {**INITIALIZE_PARAMS, "capabilities": offered(wishes)}


def announced_lists(opening: Opening) -> tuple[str, ...]:
    """Return which of its lists the server says that it announces changes of."""
    capabilities = opening.capabilities or {}
    return tuple(
        name
        for name in ("tools", "prompts", "resources")
        if isinstance(capabilities.get(name), dict)
        and capabilities[name].get("listChanged") is True
    )


def listening_filter(opening: Opening, uris: Collection[str]) -> dict[str, JSON]:
    """Return what `subscriptions/listen` asks a modern server for; empty: there is nothing to hear.

    uris: of the resources to be watched.
    """
    wanted: dict[str, JSON] = {f"{name}ListChanged": True for name in announced_lists(opening)}
    return wanted | ({"resourceSubscriptions": sorted(uris)} if uris else {})


def honoured_uris(acknowledged: JSON) -> frozenset[str]:
    """Return which resources a modern server agreed to tell of. acknowledged: `params` of its
    `notifications/subscriptions/acknowledged`."""
    agreed = acknowledged.get("notifications") if isinstance(acknowledged, dict) else None
    uris = agreed.get("resourceSubscriptions") if isinstance(agreed, dict) else None
    return frozenset(
        uri for uri in (uris if isinstance(uris, list) else ()) if isinstance(uri, str)
    )


def judge_discovery(exchange: Exchange) -> Opening | None:
    """Return the modern opening that an answer to `server/discover` proves, or None: legacy."""
    if exchange.result is not None:
        versions = exchange.result.get("supportedVersions")
        if type(versions) is not list or MODERN_VERSION not in versions:
            return None
        capabilities = exchange.result.get("capabilities")
        return Opening(
            Era.MODERN, MODERN_VERSION, capabilities if type(capabilities) is dict else None
        )
    if exchange.error is not None and _is_modern_error(exchange.error.code, exchange.error.data):
        return Opening(Era.MODERN, MODERN_VERSION, None)
    return None


def _is_modern_error(code: int, data: JSON) -> bool:
    if code == _UNSUPPORTED_VERSION:
        supported = data.get("supported") if type(data) is dict else None
        return type(supported) is not list or MODERN_VERSION in supported
    return code in (_HEADER_MISMATCH, _MISSING_CAPABILITY)


def judge_initialization(exchange: Exchange) -> Opening:
    """Return the legacy opening that an answer to `initialize` agrees to.

    Raises:
        InvalidAnswer: refused, or a version that the gateway does not speak.
    """
    if exchange.result is None:
        code = exchange.error.code if exchange.error is not None else 0
        raise InvalidAnswer(f"`initialize` was refused with {code}")
    version = exchange.result.get("protocolVersion")
    if version not in LEGACY_VERSIONS:
        raise InvalidAnswer("`initialize` was answered with an unknown protocol version")
    capabilities = exchange.result.get("capabilities")
    return Opening(Era.LEGACY, version, capabilities if type(capabilities) is dict else None)
