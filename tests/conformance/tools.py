"""What the fixture's tools and prompts do.

One that asks the agent something is written once: it gets the answers that are there so far, and
returns either an `Ask` or its result. How the question travels is the business of fixture.py.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import PromptsListChanged, ToolsListChanged
from mcp_types import MISSING_REQUIRED_CLIENT_CAPABILITY

from tests.conformance import offer
from tests.conformance.offer import text

Result = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """requests: key → one request to the agent. state: comes back with the answers."""

    requests: dict[str, dict[str, Any]]
    state: str | None = None


@dataclass(frozen=True)
class Asked:
    """One round of one call."""

    context: ServerRequestContext[Any, Any]
    arguments: dict[str, Any]
    publish: Callable[[Any], Awaitable[None]]
    """Tells the listen streams."""
    answers: dict[str, Any] = field(default_factory=dict)
    state: str | None = None

    def has(self, *keys: str) -> bool:
        return all(isinstance(self.answers.get(key), dict) for key in keys)

    def declares(self, capability: str) -> bool:
        declared = self.context.session.client_capabilities
        return declared is not None and getattr(declared, capability) is not None

    async def log(self, message: str) -> None:
        await self.context.session.send_log_message(
            "info", message, related_request_id=self.context.request_id
        )


Behaviour = Callable[[Asked], Awaitable[Result | Ask]]


def _result(*contents: Result, failed: bool = False) -> Result:
    return {"content": list(contents)} | ({"isError": True} if failed else {})


def _always(*contents: Result, failed: bool = False) -> Behaviour:
    async def behave(_: Asked) -> Result | Ask:
        return _result(*contents, failed=failed)

    return behave


def _form(message: str, schema: dict[str, Any]) -> Result:
    return {
        "method": "elicitation/create",
        "params": {"message": message, "requestedSchema": schema},
    }


def _sample(prompt: str, tokens: int = 100) -> Result:
    messages = [{"role": "user", "content": text(prompt)}]
    return {
        "method": "sampling/createMessage",
        "params": {"messages": messages, "maxTokens": tokens},
    }


_ROOTS: Final[Result] = {"method": "roots/list", "params": {}}


def _one(name: str, kind: str = "string") -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}


def _name_form(message: str = "What is your name?") -> Result:
    return _form(message, _one("name"))


def _content(answer: Any, key: str) -> str:
    """What a form was filled in with."""
    content = answer.get("content") or {}
    return str(content.get(key, "nothing")) if isinstance(content, dict) else "nothing"


# -- while it runs


async def _with_logging(asked: Asked) -> Result | Ask:
    for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await asked.log(message)
        await asyncio.sleep(0.05)
    return _result(text("logged three times"))


async def _with_progress(asked: Asked) -> Result | Ask:
    for progress in (0, 50, 100):
        await asked.context.session.report_progress(progress, 100, f"{progress} of 100")
        await asyncio.sleep(0.05)
    return _result(text("went from 0 to 100"))


async def _reconnection(asked: Asked) -> Result | Ask:
    await asyncio.sleep(0.1)  # the stream's first event is on its way
    if asked.context.close_sse_stream is not None:
        await asked.context.close_sse_stream()
    await asyncio.sleep(0.2)
    return _result(text("said after the stream was closed"))


async def _change_tools(asked: Asked) -> Result | Ask:
    await asked.context.session.send_tool_list_changed()
    await asked.publish(ToolsListChanged())
    return _result(text("the tools changed"))


async def _change_prompts(asked: Asked) -> Result | Ask:
    await asked.context.session.send_prompt_list_changed()
    await asked.publish(PromptsListChanged())
    return _result(text("the prompts changed"))


async def _mirrored(asked: Asked) -> Result | Ask:
    return _result(text(f"region: {asked.arguments.get('region')}"))


async def _greet(asked: Asked) -> Result | Ask:
    return _result(text(f"Hello, {asked.arguments['name']}!"))


async def _missing_capability(asked: Asked) -> Result | Ask:
    if asked.declares("sampling"):
        return _result(text("the agent can sample"))
    raise MCPError(
        MISSING_REQUIRED_CLIENT_CAPABILITY,
        "This tool needs an agent that can sample",
        {"requiredCapabilities": {"sampling": {}}},
    )


# -- asking back


async def _sampling(asked: Asked) -> Result | Ask:
    if not asked.has("model"):
        return Ask({"model": _sample(asked.arguments["prompt"])})
    content = asked.answers["model"]["content"]
    first = content[0] if isinstance(content, list) else content
    return _result(text(f"LLM response: {first['text']}"))


def _asking(request: Callable[[Asked], Result], word: str) -> Behaviour:
    async def behave(asked: Asked) -> Result | Ask:
        if not asked.has("user"):
            return Ask({"user": request(asked)})
        answer = asked.answers["user"]
        filled = json.dumps(answer.get("content") or {})
        return _result(text(f"{word}: action={answer['action']}, content={filled}"))

    return behave


async def _ask_name(asked: Asked) -> Result | Ask:
    if not asked.has("user_name"):
        return Ask({"user_name": _name_form()})
    return _result(text(f"Hello, {_content(asked.answers['user_name'], 'name')}!"))


async def _ask_model(asked: Asked) -> Result | Ask:
    if not asked.has("capital_question"):
        return Ask({"capital_question": _sample("What is the capital of France?")})
    return _result(text(f"The model said {json.dumps(asked.answers['capital_question'])}"))


async def _ask_roots(asked: Asked) -> Result | Ask:
    if not asked.has("client_roots"):
        return Ask({"client_roots": _ROOTS})
    found = [root["uri"] for root in asked.answers["client_roots"].get("roots", [])]
    return _result(text(f"Roots: {', '.join(found)}"))


def _confirming(state: str) -> Behaviour:
    async def behave(asked: Asked) -> Result | Ask:
        if not asked.has("confirm") or asked.state != state:
            return Ask({"confirm": _form("Please confirm", _one("ok", "boolean"))}, state)
        return _result(text("state-ok"))

    return behave


async def _ask_everything(asked: Asked) -> Result | Ask:
    if asked.has("user_name", "greeting", "client_roots"):
        return _result(text("three answers"))
    requests = {
        "user_name": _name_form(),
        "greeting": _sample("Generate a greeting", 50),
        "client_roots": _ROOTS,
    }
    return Ask(requests, "three questions")


async def _ask_twice(asked: Asked) -> Result | Ask:
    known = json.loads(asked.state or "{}")
    if "name" in known and asked.has("step2"):
        color = _content(asked.answers["step2"], "color")
        return _result(text(f"{known['name']} likes {color}"))
    if known and asked.has("step1"):
        name = _content(asked.answers["step1"], "name")
        form = _form("Step 2: What is your favorite color?", _one("color"))
        return Ask({"step2": form}, json.dumps({"round": 2, "name": name}))
    return Ask({"step1": _name_form("Step 1: What is your name?")}, json.dumps({"round": 1}))


async def _ask_what_is_declared(asked: Asked) -> Result | Ask:
    if asked.answers:
        return _result(text("answered"))
    possible = {"sampling": _sample("Say hello", 50), "elicitation": _name_form()}
    requests = {name: request for name, request in possible.items() if asked.declares(name)}
    return Ask(requests, "any") if requests else _result(text("nothing may be asked"))


TOOLS: Final[dict[str, Behaviour]] = {
    "test_simple_text": _always(text("This is a simple text response for testing.")),
    "test_image_content": _always(offer.image()),
    "test_audio_content": _always(
        {"type": "audio", "data": offer.SILENCE, "mimeType": "audio/wav"}
    ),
    "test_embedded_resource": _always(
        offer.embedded("test://embedded-resource", "This is an embedded resource content.")
    ),
    "test_multiple_content_types": _always(
        text("Multiple content types test:"),
        offer.image(),
        offer.embedded(
            "test://mixed-content-resource", '{"test":"data","value":123}', "application/json"
        ),
    ),
    "test_error_handling": _always(
        text("This tool intentionally returns an error for testing"), failed=True
    ),
    "test_tool_with_logging": _with_logging,
    "test_logging_tool": _with_logging,
    "test_tool_with_progress": _with_progress,
    "test_reconnection": _reconnection,
    "test_trigger_tool_change": _change_tools,
    "test_trigger_prompt_change": _change_prompts,
    "test_mirrored_argument": _mirrored,
    "greet": _greet,
    "test_missing_capability": _missing_capability,
    "json_schema_2020_12_tool": _always(text("only its schema matters")),
    "test_sampling": _sampling,
    "test_elicitation": _asking(
        lambda asked: _form(asked.arguments["message"], _one("response")), "User response"
    ),
    "test_elicitation_sep1034_defaults": _asking(
        lambda _: _form("Please check what is filled in", offer.DEFAULTS_FORM),
        "Elicitation completed",
    ),
    "test_elicitation_sep1330_enums": _asking(
        lambda _: _form("Please choose", offer.CHOICES_FORM), "Elicitation completed"
    ),
    "test_streaming_elicitation": _ask_name,
    "test_input_required_result_elicitation": _ask_name,
    "test_input_required_result_sampling": _ask_model,
    "test_input_required_result_list_roots": _ask_roots,
    "test_input_required_result_request_state": _confirming("a state to bring back"),
    "test_input_required_result_tampered_state": _confirming("a state to leave alone"),
    "test_input_required_result_multiple_inputs": _ask_everything,
    "test_input_required_result_multi_round": _ask_twice,
    "test_input_required_result_capabilities": _ask_what_is_declared,
}


async def _prompt_with_arguments(asked: Asked) -> Result | Ask:
    first, second = asked.arguments["arg1"], asked.arguments["arg2"]
    return offer.said(text(f"Prompt with arguments: arg1='{first}', arg2='{second}'"))


async def _prompt_with_resource(asked: Asked) -> Result | Ask:
    resource = offer.embedded(
        asked.arguments["resourceUri"], "Embedded resource content for testing."
    )
    return offer.said(resource, text("Please process the embedded resource above."))


async def _prompt_that_asks(asked: Asked) -> Result | Ask:
    if not asked.has("user_context"):
        form = _form("What context should the prompt use?", _one("context"))
        return Ask({"user_context": form})
    return offer.said(text(f"In the context of {_content(asked.answers['user_context'], 'context')}"))  # fmt: skip


def _always_says(*contents: Result) -> Behaviour:
    async def behave(_: Asked) -> Result | Ask:
        return offer.said(*contents)

    return behave


PROMPTS: Final[dict[str, Behaviour]] = {
    "test_simple_prompt": _always_says(text("This is a simple prompt for testing.")),
    "test_prompt_with_arguments": _prompt_with_arguments,
    "test_prompt_with_embedded_resource": _prompt_with_resource,
    "test_prompt_with_image": _always_says(offer.image(), text("Please analyze the image above.")),
    "test_input_required_result_prompt": _prompt_that_asks,
}
