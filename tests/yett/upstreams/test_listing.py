from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from yett.core.bounds import ANSWER_BYTES_MAX, TOOLS_PER_SERVER_MAX
from yett.core.call import RpcError
from yett.core.errors import ConfigurationError
from yett.upstreams.build import build
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.listing import PAGES_MAX, take_listing
from yett.upstreams.port import Exchange
from yett.upstreams.rpc import InvalidAnswer

Ask = Callable[[str, dict[str, Any]], Awaitable[Exchange]]


def answering(page: Callable[[dict[str, Any]], Any], asked: list[str] | None = None) -> Ask:
    async def ask(method: str, params: dict[str, Any]) -> Exchange:
        if asked is not None:
            asked.append(method)
        answer = page(params)
        if isinstance(answer, RpcError):
            return Exchange(None, answer, 10)
        return Exchange(answer, None, 10)

    return ask


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({}, ["tools/list"]),
        ({"tools": {}}, ["tools/list"]),
        ({"prompts": {}}, ["tools/list", "prompts/list"]),
        ({"resources": {}}, ["tools/list", "resources/list", "resources/templates/list"]),
        (None, ["tools/list", "prompts/list", "resources/list", "resources/templates/list"]),
    ],
)
async def test_what_a_server_does_not_declare_is_not_asked_for_except_tools(
    capabilities: dict[str, Any] | None, expected: list[str]
) -> None:
    asked: list[str] = []
    missing = RpcError(-32601, "Method not found")

    found = await take_listing(answering(lambda _: missing, asked), capabilities)

    assert asked == expected
    assert found.tools == ()


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"tools": {}},
        {"tools": None},
        {"tools": ["x"]},
        {"tools": [None]},
        {"tools": [], "nextCursor": 7},
        {"tools": [], "nextCursor": "same"},
        {"tools": [{}] * (TOOLS_PER_SERVER_MAX + 1)},
        RpcError(-32603, "no"),
    ],
)
async def test_a_listing_that_is_malformed_or_too_long_is_invalid(page: Any) -> None:
    with pytest.raises(InvalidAnswer):
        await take_listing(answering(lambda _: page), {})


async def test_a_listing_without_end_is_given_up() -> None:
    pages = 0

    def page(params: dict[str, Any]) -> dict[str, Any]:
        nonlocal pages
        pages += 1
        return {"tools": [], "nextCursor": str(pages)}

    with pytest.raises(InvalidAnswer):
        await take_listing(answering(page), {})
    assert pages == PAGES_MAX


async def test_a_listing_of_too_many_bytes_is_given_up() -> None:
    async def ask(method: str, params: dict[str, Any]) -> Exchange:
        number = int(params.get("cursor", "0")) + 1
        return Exchange({"tools": [], "nextCursor": str(number)}, None, ANSWER_BYTES_MAX)

    with pytest.raises(InvalidAnswer):
        await take_listing(ask, {})


@pytest.mark.parametrize(
    "config",
    [
        UpstreamConfig(name="s"),
        UpstreamConfig(name="s", url="http://127.0.0.1/", command=("x",)),
    ],
)
def test_a_server_has_a_url_or_a_command_and_not_both(config: UpstreamConfig) -> None:
    async def nothing() -> Any:
        return ()

    with pytest.raises(ConfigurationError) as caught:
        build(
            config,
            command=nothing,
            environment=nothing,
            lease=nothing,
            base_environment={},
            ssl_context_factory=lambda: None,  # type: ignore[arg-type, return-value]  # never asked
        )

    assert "servers.s" in str(caught.value)
