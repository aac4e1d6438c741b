"""A caller that answers whatever a server asks, in either era."""

from typing import Any

from tests.yett.upstreams.scene import NOBODY
from yett.upstreams.port import Beside, Exchange, Transport

ANSWERS: dict[str, dict[str, Any]] = {
    "elicitation/create": {"action": "accept", "content": {"name": "Ada", "response": "yes"}},
    "sampling/createMessage": {
        "role": "assistant",
        "content": {"type": "text", "text": "Paris"},
        "model": "m",
    },
    "roots/list": {"roots": [{"uri": "file:///work"}]},
}


async def use(transport: Transport, name: str, beside: Beside, **arguments: Any) -> Exchange:
    """Call a tool; answer what a modern server asks until it has a result."""
    params: dict[str, Any] = {"name": name, "arguments": arguments}
    while True:
        exchange = await transport.request(
            "tools/call", params, credential=NOBODY, deadline_seconds=60.0, beside=beside
        )
        result = exchange.result
        if result is None or result.get("resultType") != "input_required":
            return exchange
        answers = {key: ANSWERS[one["method"]] for key, one in result["inputRequests"].items()}
        params = params | {"inputResponses": answers}
        if "requestState" in result:
            params |= {"requestState": result["requestState"]}


async def answer(method: str, params: dict[str, Any]) -> Exchange:
    return Exchange(ANSWERS[method], None, 0)
