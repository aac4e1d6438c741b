"""All that a server offers, page by page, within bounds. Over a function that asks one thing."""

from collections.abc import Awaitable, Callable
from typing import Final

from yett.core.bounds import ANSWER_BYTES_MAX, TOOLS_PER_SERVER_MAX
from yett.core.target import JSON
from yett.upstreams.port import Discovered, Exchange
from yett.upstreams.rpc import METHOD_NOT_FOUND, InvalidAnswer

PAGES_MAX: Final = 200
LISTING_BYTES_MAX: Final = 4 * ANSWER_BYTES_MAX

Ask = Callable[[str, dict[str, JSON]], Awaitable[Exchange]]


async def take_listing(ask: Ask, capabilities: dict[str, JSON] | None) -> Discovered:
    """Ask for each list that the server says it has; for all, if it did not say.

    Tools are always asked for: servers exist that forget to declare them.

    Raises:
        InvalidAnswer: a list is refused, malformed, endless or too large.
        Fault: from `ask`.
    """
    has_prompts = capabilities is None or "prompts" in capabilities
    has_resources = capabilities is None or "resources" in capabilities
    templates = "resources/templates/list"
    return Discovered(
        tools=await _take(ask, "tools/list", "tools"),
        prompts=await _take(ask, "prompts/list", "prompts") if has_prompts else (),
        resources=await _take(ask, "resources/list", "resources") if has_resources else (),
        resource_templates=await _take(ask, templates, "resourceTemplates")
        if has_resources
        else (),
    )


async def _take(ask: Ask, method: str, key: str) -> tuple[dict[str, JSON], ...]:
    items: list[dict[str, JSON]] = []
    params: dict[str, JSON] = {}
    size = 0
    for _ in range(PAGES_MAX):
        exchange = await ask(method, params)
        if exchange.result is None:
            return _without_list(exchange, method)
        size += exchange.bytes_received
        page = exchange.result.get(key)
        if type(page) is not list or not all(type(item) is dict for item in page):
            raise InvalidAnswer(f"`{method}` was answered without a list of objects")
        items += page
        if len(items) > TOOLS_PER_SERVER_MAX or size > LISTING_BYTES_MAX:
            raise InvalidAnswer(f"`{method}` lists too much")
        cursor = exchange.result.get("nextCursor")
        if cursor is None:
            return tuple(items)
        if type(cursor) is not str or params.get("cursor") == cursor:
            raise InvalidAnswer(f"`{method}` gave a cursor that leads nowhere")
        params = {"cursor": cursor}
    raise InvalidAnswer(f"`{method}` has more than {PAGES_MAX} pages")


def _without_list(exchange: Exchange, method: str) -> tuple[dict[str, JSON], ...]:
    """A server without prompts may say so instead of listing none."""
    code = exchange.error.code if exchange.error is not None else 0
    if code == METHOD_NOT_FOUND:
        return ()
    raise InvalidAnswer(f"`{method}` was refused with {code}")
