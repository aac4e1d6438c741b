"""Where a public name leads is looked at before anything is sent, for who wants it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from tests.seals import SEALER
from tests.yett.validation.calls import permitted, tool
from yett.core.errors import Denied
from yett.core.reasons import Reason
from yett.validation import SchemaCache
from yett.validation.backends.memory import MemoryResolver
from yett.validation.backends.system import AT_ONCE_MAX, WAITING_MAX, SystemResolver
from yett.validation.build import build
from yett.validation.config import ArgumentRules, Arguments
from yett.validation.port import UnknownHost

NAMES = {
    "good.example.org": ("93.184.215.14", "2606:2800:21f:cb07::1"),
    "evil.example.org": ("93.184.215.14", "127.0.0.1"),
    "six.example.org": ("::ffff:10.0.0.1",),
    "zone.example.org": ("fe80::1%eth0",),
    "cloud.example.org": ("169.254.169.254",),
}
URL = {"kind": "url", "hosts": ["*"], "resolve": True}
TOOL = tool(
    {
        "type": "object",
        "properties": {
            "url": {"type": ["string", "null"]},
            "all": {"type": "array", "items": {"type": "string"}},
            "host": {"type": "string"},
        },
    }
)


async def call(arguments: dict[str, Any], rules: Any = None) -> list[str]:
    """Return the names that were looked up."""
    rules = rules or {"url": URL, "all": URL, "host": {**URL, "kind": "host"}}
    resolver = MemoryResolver(NAMES)
    rule = ArgumentRules(arguments=msgspec.convert(rules, Arguments))
    stage = build({"demo/echo": rule}, SchemaCache(), SEALER, resolver)
    validated = stage.check(permitted(arguments, TOOL))
    if stage.looks_up:
        await stage.look_up(validated)
    return resolver.asked


async def test_a_name_that_leads_outside_passes() -> None:
    arguments = {"url": "https://good.example.org/", "all": [], "host": "good.example.org"}

    assert await call(arguments) == ["good.example.org"]


@pytest.mark.parametrize("name", [*list(NAMES)[1:], "none.example.org"])
async def test_a_name_that_leads_inside_is_refused(name: str) -> None:
    for arguments in (
        {"url": f"https://{name}/"},
        {"all": ["https://good.example.org/", f"https://{name}/"]},
        {"host": name},
    ):
        with pytest.raises(Denied) as caught:
            await call(arguments)
        assert caught.value.reason is Reason.ARGUMENT_DENIED
        assert caught.value.pointer == f"/{next(iter(arguments))}"


async def test_what_is_no_name_or_needs_no_look_is_not_looked_up() -> None:
    name = {"url": "https://evil.example.org/"}

    assert await call({"url": "https://8.8.8.8/"}) == []
    assert await call({"url": None}) == []
    assert await call({}) == []
    assert await call(name, {"url": {**URL, "resolve": False}}) == []
    assert await call(name, {"url": {**URL, "private": True}}) == []


async def test_a_name_that_is_not_allowed_is_never_looked_up() -> None:
    """Or a caller could tell anybody anything, by asking for its names."""
    with pytest.raises(Denied):
        await call({"url": "https://canary.evil.io/"}, {"url": {**URL, "hosts": ["*.example.org"]}})


async def test_a_call_names_a_few_hosts_and_each_is_looked_up_once() -> None:
    same = ["https://good.example.org/a", "https://good.example.org/b"]

    assert await call({"all": same}) == ["good.example.org"]
    with pytest.raises(Denied, match="more than 8 hosts"):
        await call_with_many()


async def call_with_many() -> None:
    names = {f"n{number}.example.org": ("93.184.215.14",) for number in range(20)}
    rule = ArgumentRules(arguments=msgspec.convert({"all": URL}, Arguments))
    stage = build({"demo/echo": rule}, SchemaCache(), SEALER, MemoryResolver(names))
    await stage.look_up(stage.check(permitted({"all": [f"https://{it}/" for it in names]}, TOOL)))


# -- the system's resolver


async def test_the_system_knows_this_machine() -> None:
    assert set(await SystemResolver().addresses("localhost")) <= {"127.0.0.1", "::1"}


async def test_what_the_system_does_not_know_is_unknown() -> None:
    with pytest.raises(UnknownHost):
        await SystemResolver().addresses("no-such-name.invalid")


def slow(
    monkeypatch: pytest.MonkeyPatch, wait: Callable[[], Awaitable[Any]]
) -> tuple[SystemResolver, list[str]]:
    """A resolver whose system answers when `wait` is over; what it was asked, in order."""
    asked: list[str] = []

    async def getaddrinfo(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        await wait()
        return [(2, 1, 6, "", ("93.184.215.14", 0))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return SystemResolver(), asked


async def test_slow_names_take_few_places_and_end_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yett.validation.backends.system.LOOK_UP_SECONDS_MAX", 0.05)
    never = asyncio.Event()
    resolver, asked = slow(monkeypatch, never.wait)

    found = await asyncio.gather(
        *(resolver.addresses(f"n{number}") for number in range(WAITING_MAX + 20)),
        return_exceptions=True,
    )

    assert all(isinstance(one, UnknownHost) for one in found)
    assert len(asked) == AT_ONCE_MAX
    never.set()
    await asyncio.sleep(0.05)
    assert len(asked) == WAITING_MAX


async def test_what_was_found_is_kept_for_a_moment_and_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolver, asked = slow(monkeypatch, lambda: asyncio.sleep(0))

    found = await asyncio.gather(*(resolver.addresses("a") for _ in range(10)))
    again = await resolver.addresses("a")

    assert {*found, again} == {("93.184.215.14",)}
    assert asked == ["a"]
