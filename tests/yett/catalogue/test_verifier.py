import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.clock import HandClock
from tests.seals import SEALER
from tests.yett.catalogue.scene import ANNA, Scene, accept, identified, lock_of, tool
from yett.catalogue import verifier as verifier_module
from yett.catalogue.backends.lock_file import LockFile
from yett.catalogue.backends.memory import ScriptedDiscoverer
from yett.catalogue.build import build
from yett.catalogue.config import CatalogueConfig
from yett.catalogue.hurrying import LOOKING_SECONDS_MAX, NOT_LOOKED_AT
from yett.catalogue.lock import Lock, with_pins
from yett.catalogue.pinning import Classes
from yett.catalogue.port import Definitions
from yett.catalogue.reports import CHANGES_TOLD_MAX, EVENTS_KEPT_MAX, Teller
from yett.core.clock import SystemClock
from yett.core.errors import ConfigurationError, Denied, Fault
from yett.core.operations import Kind
from yett.core.reasons import Reason
from yett.core.target import JSON

TIME = Definitions(tools=(tool("now"),))


def ignore(_: dict[str, JSON]) -> None:
    """Nobody listens."""


@asynccontextmanager
async def watching(scene: Scene) -> AsyncIterator[None]:
    task = asyncio.create_task(scene.catalogue.watch())
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(3):
        while not condition():
            await asyncio.sleep(0.01)


async def test_at_first_sight_all_is_pinned_with_the_best_known_class() -> None:
    definitions = Definitions(
        tools=(
            tool("by_operator", annotations={"readOnlyHint": True}),
            tool("by_entry"),
            tool("by_word", annotations={"readOnlyHint": True}),
            tool("by_lie", annotations={"readOnlyHint": "true"}),
            tool("unknown"),
            tool("not allowed"),
        ),
        prompts=({"name": "ask"},),
        resources=({"uri": "a:b"},),
        resource_templates=({"uriTemplate": "a:{b}"},),
    )
    classes = Classes(
        operator={"by_operator": "write"}, shipped={"by_operator": "read", "by_entry": "read"}
    )
    scene = Scene({"s": definitions}, pin_at_first_sight=True, classes={"s": classes})
    await scene.verify()
    pins = scene.store.read().servers["s"]
    assert {name: (pin.access, pin.access_from) for name, pin in pins.tools.items()} == {
        "by_operator": ("write", "operator"),
        "by_entry": ("read", "shipped"),
        "by_word": ("read", "annotation"),
        "by_lie": ("write", "default"),
        "unknown": ("write", "default"),
    }
    assert list(pins.prompts) == ["ask"]
    assert list(pins.resources) == ["a:b"]
    assert list(pins.resource_templates) == ["a:{b}"]
    assert pins.tools["by_word"].approved_at == "2027-01-15T12:00:00Z"
    told = scene.told()
    assert ("tool.pinned", "by_word") in told
    assert ("tool.refused", "not allowed") in told
    assert scene.events[1]["access_from"] == "shipped"
    assert (await scene.resolve("s__by_word")).access == "read"


async def test_later_tools_of_a_pinned_server_stay_invisible() -> None:
    scene = Scene({"s": TIME}, pin_at_first_sight=True)
    await scene.verify()
    scene.discoverer.offers["s"] = Definitions(tools=(*TIME.tools, tool("new")))
    await scene.verify()
    assert list(scene.store.read().servers["s"].tools) == ["now"]
    assert ("tool.appeared", "new") in scene.told()
    with pytest.raises(Denied):
        await scene.resolve("s__new")


async def test_in_production_nothing_is_pinned_by_itself() -> None:
    scene = Scene({"s": TIME})
    await scene.verify()
    assert scene.store.read() == Lock()
    with pytest.raises(Denied):
        await scene.resolve("s__now")
    assert await scene.take("tools/list") == []


async def test_a_server_that_offers_nothing_yet_is_not_settled_as_empty() -> None:
    scene = Scene({"s": Definitions()}, pin_at_first_sight=True)
    await scene.verify()
    scene.discoverer.offers["s"] = TIME
    await scene.verify()
    assert await scene.take("tools/list") == ["s__now"]


async def test_a_refused_schema_is_never_pinned_and_quarantines_what_was() -> None:
    refused: set[str] = set()

    def check(definition: dict[str, JSON]) -> str | None:
        return "no such reference" if definition["name"] in refused else None

    scene = Scene({"s": TIME}, lock_of("s", TIME), schema_check=check)
    await scene.verify()
    assert not (await scene.resolve("s__now")).quarantined
    # The next version of Yett may refuse what this one took: a definition is judged once in a process.
    refused.add("now")
    scene = Scene({"s": TIME}, lock_of("s", TIME), schema_check=check)
    await scene.verify()
    assert (await scene.resolve("s__now")).quarantined
    assert scene.events[-1]["problem"] == "no such reference"


async def test_each_change_is_told_once_with_what_it_means() -> None:
    scene = Scene({"s": TIME}, lock_of("s", TIME))
    await scene.verify()
    assert scene.events == []
    scene.discoverer.offers["s"] = Definitions(tools=(tool("now", "poisoned"),))
    await scene.verify()
    await scene.verify()
    (event,) = scene.events
    assert event["event"] == "tool.quarantined"
    assert event["changes"] == "/description changed (text the model reads)"
    assert event["digest"] != event["pinned_digest"]
    scene.discoverer.offers["s"] = TIME
    await scene.verify()
    scene.discoverer.offers["s"] = Definitions()
    await scene.verify()
    assert scene.told()[1:] == [("tool.restored", "now"), ("tool.missing", "now")]


async def test_a_server_that_changes_everything_does_not_fill_the_log() -> None:
    scene = Scene({"s": Definitions()})
    await scene.verify()
    many = tuple(tool(f"t{number}") for number in range(CHANGES_TOLD_MAX + 50))
    scene.discoverer.offers["s"] = Definitions(tools=many)
    await scene.verify()
    assert len(scene.events) == CHANGES_TOLD_MAX + 1
    assert scene.events[-1] == {
        "event": "server.changed",
        "server": "s",
        "changes": CHANGES_TOLD_MAX + 50,
    }


async def test_losing_and_finding_a_server_is_told_once() -> None:
    scene = Scene({"s": TIME}, lock_of("s", TIME))
    await scene.verify()
    del scene.discoverer.offers["s"]
    await scene.verify()
    await scene.verify()
    assert not (await scene.resolve("s__now")).quarantined  # its last verification still holds
    scene.discoverer.offers["s"] = TIME
    await scene.verify()
    assert [event["event"] for event in scene.events] == ["server.unreachable", "server.reachable"]


async def test_after_a_reconnect_calls_wait_for_the_verification_and_lists_do_not() -> None:
    scene = Scene({"s": TIME}, lock_of("s", TIME))
    await scene.verify()
    scene.discoverer.offers["s"] = Definitions(tools=(tool("now", "poisoned"),))
    scene.catalogue.changed("s")
    waiting = asyncio.create_task(scene.resolve("s__now"))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    assert await scene.take("tools/list") == ["s__now"]
    await scene.catalogue.verify("s")
    assert (await waiting).quarantined
    assert await scene.take("tools/list") == []


async def test_after_a_reconnect_that_cannot_be_verified_calls_fault() -> None:
    scene = Scene({"s": TIME}, lock_of("s", TIME))
    await scene.verify()
    del scene.discoverer.offers["s"]
    scene.catalogue.changed("s")
    await scene.verify()
    assert (await scene.resolve("s__now")).unreachable


async def test_a_call_waits_for_the_first_verification_no_longer_than_its_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verifier_module, "WAIT_SECONDS_MAX", 0.05)
    scene = Scene({"s": TIME}, lock_of("s", TIME))
    assert "in time" in (await scene.resolve("s__now")).unreachable
    assert await scene.take("tools/list") == []


async def test_calls_and_lists_wait_while_the_servers_are_first_looked_at() -> None:
    scene = Scene({"a": TIME, "b": TIME}, pin_at_first_sight=True)
    async with watching(scene):
        listed, target = await asyncio.gather(scene.take("tools/list"), scene.resolve("b__now"))
    assert listed == ["a__now", "b__now"]
    assert target.server == "b"


async def test_a_call_to_a_server_that_was_down_tries_once_more() -> None:
    scene = Scene({}, lock_of("s", TIME), servers=("s",))
    async with watching(scene):
        await until(lambda: scene.discoverer.asked.get("s", 0) == 1)
        assert (await scene.resolve("s__now")).unreachable  # asked just now: not again at once
        scene.discoverer.offers["s"] = TIME
        scene.clock.pass_seconds(2)
        assert (await scene.resolve("s__now")).name == "now"


async def test_a_server_is_verified_again_when_it_says_that_it_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verifier_module, "PAUSE_SECONDS", 0.02)
    scene = Scene({"s": TIME}, lock_of("s", TIME))
    async with watching(scene):
        await until(lambda: "s" in scene.verifier.view.trusted)
        for _ in range(100):
            scene.catalogue.changed("s")
        await until(lambda: scene.discoverer.asked["s"] == 2)
        await asyncio.sleep(0.1)
        assert scene.discoverer.asked["s"] == 2
        assert "s" in scene.verifier.view.trusted


async def test_a_server_is_verified_again_from_time_to_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verifier_module, "EVERY_SECONDS", 0.02)
    monkeypatch.setattr(verifier_module, "PAUSE_SECONDS", 0.0)
    scene = Scene({"s": TIME}, lock_of("s", TIME))
    async with watching(scene):
        await until(lambda: scene.discoverer.asked.get("s", 0) > 2)


async def test_whoever_calls_a_tool_has_its_server_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So a change that nobody announced is found soon, where it matters."""
    monkeypatch.setattr(verifier_module, "PAUSE_SECONDS", 0.0)
    scene = Scene({"s": TIME}, lock_of("s", TIME))
    async with watching(scene):
        await until(lambda: "s" in scene.verifier.view.trusted)
        now = scene.clock.monotonic()
        for _ in range(100):
            scene.verifier.used("s", now + verifier_module.FRESH_SECONDS)
            scene.verifier.used("nobody", now + 99)
        await asyncio.sleep(0.05)
        assert scene.discoverer.asked == {"s": 1}

        scene.discoverer.offers["s"] = Definitions(tools=(tool("now", "Sends"),))
        for _ in range(100):
            scene.verifier.used("s", now + verifier_module.FRESH_SECONDS + 0.1)
        await until(lambda: scene.told() != [])
        assert (await scene.resolve("s__now")).quarantined
        assert scene.discoverer.asked == {"s": 2}


async def test_a_change_during_a_verification_is_followed_by_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verifier_module, "PAUSE_SECONDS", 0.02)
    scene = Scene({"s": TIME}, lock_of("s", TIME))
    async with watching(scene):
        await until(lambda: scene.discoverer.asked.get("s", 0) == 1)
        scene.catalogue.changed("s")
        await until(lambda: scene.discoverer.asked["s"] == 2)


async def test_what_a_server_said_before_it_changed_is_not_trusted() -> None:
    """It answers, and is replaced before the answer was judged; the call that follows must see the new one."""
    scene = Scene({"s": TIME}, lock_of("s", TIME))
    discover = scene.discoverer.discover

    async def replaced_meanwhile(server: str) -> Definitions:
        found = await discover(server)
        if scene.discoverer.asked["s"] == 1:
            scene.discoverer.offers["s"] = Definitions(tools=(tool("now", "Sends"),))
            scene.catalogue.changed("s")
        return found

    scene.discoverer.discover = replaced_meanwhile  # type: ignore[method-assign]
    await scene.verify()

    assert scene.discoverer.asked == {"s": 2}
    assert (await scene.resolve("s__now")).quarantined


async def test_a_server_that_takes_too_long_to_list_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verifier_module, "DISCOVERY_SECONDS_MAX", 0.0)
    scene = Scene({"s": TIME}, lock_of("s", TIME))
    await scene.verify()
    assert (await scene.resolve("s__now")).unreachable


async def test_an_approval_takes_effect_without_asking_the_server_again() -> None:
    new = tool("now", "better")
    scene = Scene({"s": Definitions(tools=(new,))}, lock_of("s", TIME))
    await scene.verify()
    assert (await scene.resolve("s__now")).quarantined
    scene.store.update(lambda _: lock_of("s", Definitions(tools=(new,))))
    assert scene.catalogue.refresh()
    assert not scene.catalogue.refresh()
    target = await scene.resolve("s__now")
    assert not target.quarantined
    assert target.definition == new
    assert scene.discoverer.asked["s"] == 1


async def test_an_approval_does_not_make_an_untrusted_server_trusted() -> None:
    scene = Scene({"s": TIME}, lock_of("s", TIME))
    await scene.verify()
    scene.catalogue.changed("s")
    scene.store.update(lambda lock: with_pins(lock, "s", Kind.PROMPT, {}))
    scene.store.update(lambda _: Lock())
    scene.catalogue.refresh()
    assert scene.verifier.view.trusted == {}


async def test_the_watch_takes_over_a_changed_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier_module, "REFRESH_SECONDS", 0.01)
    scene = Scene({"s": TIME})
    async with watching(scene):
        await until(lambda: "s" in scene.verifier.view.trusted)
        scene.store.update(lambda _: lock_of("s", TIME))
        await until(lambda: scene.verifier.view.find(Kind.TOOL, None, "s__now") is not None)


async def test_a_lock_damaged_meanwhile_is_told_and_the_old_one_holds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(verifier_module, "REFRESH_SECONDS", 0.01)
    path = tmp_path / "yett.lock"
    LockFile(path).update(lambda _: lock_of("s", TIME))
    events: list[dict[str, JSON]] = []
    catalogue = build(
        CatalogueConfig(lock_path=str(path), pin_at_first_sight=True, servers=("s",), access={}),
        discoverer=ScriptedDiscoverer({"s": TIME}),
        schema_check=accept,
        record_event=events.append,
        clock=SystemClock(),
        sealer=SEALER,
        shipped={},
    )
    await catalogue.verify("s")
    path.write_text("{")
    task = asyncio.create_task(catalogue.watch())
    await until(lambda: bool(events))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (event,) = events
    assert event["event"] == "lock.damaged"
    assert (await catalogue.resolve(identified("tools/call", "s__now"))).target.name == "now"
    path.write_text("{{")
    with pytest.raises(ConfigurationError):
        catalogue.refresh()


async def test_a_first_sight_that_cannot_be_written_down_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "yett.lock"
    events: list[dict[str, JSON]] = []
    catalogue = build(
        CatalogueConfig(lock_path=str(path), pin_at_first_sight=True, servers=("s",), access={}),
        discoverer=ScriptedDiscoverer({"s": TIME}),
        schema_check=accept,
        record_event=events.append,
        clock=SystemClock(),
        sealer=SEALER,
        shipped={},
    )
    await catalogue.verify("s")
    assert events[0]["event"] == "server.unreachable"
    with pytest.raises(Fault):
        await catalogue.resolve(identified("tools/call", "s__now"))
    path.parent.mkdir()
    path.write_text("{")
    await catalogue.verify("s")
    with pytest.raises(Fault) as caught:
        await catalogue.resolve(identified("tools/call", "s__now"))
    assert "damaged" in caught.value.private


async def test_a_damaged_lock_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "yett.lock").write_text("{")
    config = CatalogueConfig(
        lock_path=str(tmp_path / "yett.lock"), pin_at_first_sight=True, servers=("s",), access={}
    )
    with pytest.raises(ConfigurationError, match="damaged"):
        build(
            config,
            discoverer=ScriptedDiscoverer({}),
            schema_check=accept,
            record_event=ignore,
            clock=HandClock(),
            sealer=SEALER,
            shipped={},
        )


async def test_the_built_catalogue_knows_configured_and_shipped_classes(tmp_path: Path) -> None:
    config = CatalogueConfig(
        lock_path=str(tmp_path / "yett.lock"),
        pin_at_first_sight=True,
        servers=("s",),
        access={("s", "b"): "read", ("other", "a"): "read"},
    )
    catalogue = build(
        config,
        discoverer=ScriptedDiscoverer({"s": Definitions(tools=(tool("a"), tool("b"), tool("c")))}),
        schema_check=accept,
        record_event=ignore,
        clock=SystemClock(),
        sealer=SEALER,
        shipped={"s": {"a": "read"}},
    )
    await catalogue.verify("s")
    inventory = await catalogue.take_inventory(identified("tools/list"))
    assert [target.access for target in inventory.targets] == ["read", "read", "write"]
    assert inventory.principal is ANNA


def test_events_that_could_not_be_written_down_follow_in_order() -> None:
    written: list[JSON] = []
    broken = True

    def record(event: dict[str, JSON]) -> None:
        if broken:
            raise Fault(Reason.AUDIT_UNAVAILABLE, "no space")
        written.append(event.get("n", event.get("count")))

    tell = Teller(record)
    for number in range(EVENTS_KEPT_MAX + 7):
        tell({"event": "x", "n": number})
    assert written == []
    broken = False
    tell.flush()
    assert written == [*range(EVENTS_KEPT_MAX), 7]
    tell.flush()
    tell({"event": "x", "n": -1})
    assert written[-2:] == [7, -1]


async def test_texts_without_end_are_looked_at_for_a_while_and_the_rest_is_out_of_use() -> None:
    """Each takes as long as one may; together they must not keep the gate from its other servers."""
    many = Definitions(tools=tuple(tool(f"t{n:03}", f"text {n}") for n in range(200)))
    looked: list[str] = []

    def slowly(text: str) -> tuple[str, ...]:
        looked.append(text)
        scene.clock.pass_seconds(0.5)
        return ()

    scene = Scene({"s": many}, pin_at_first_sight=True, text_findings=slowly)
    await scene.verify()

    pins = scene.store.read().servers["s"].tools
    assert len(looked) == len(set(looked)) <= 2 * LOOKING_SECONDS_MAX + 1
    assert not pins["t000"].quarantined
    assert pins["t199"].quarantined
    told = {event["tool"]: event for event in scene.events if event["event"] == "tool.pinned"}
    assert told["t199"]["findings"] == [NOT_LOOKED_AT]
    assert told["t199"]["alert"] == "high"


async def test_a_definition_that_breaks_the_judge_is_out_of_use_and_breaks_nothing_else() -> None:
    def break_down(text: str) -> tuple[str, ...]:
        if text == "now":
            raise OverflowError
        return ()

    others = lock_of("other", TIME).servers["other"].tools
    lock = with_pins(lock_of("s", TIME), "other", Kind.TOOL, others)
    scene = Scene({"s": TIME, "other": TIME}, lock, text_findings=break_down)
    await scene.verify()
    assert not (await scene.resolve("s__now")).unreachable

    scene.discoverer.offers["s"] = Definitions(tools=(tool("now", "now"),))
    await scene.verify()

    assert (await scene.resolve("s__now")).unreachable == "OverflowError"
    assert not (await scene.resolve("other__now")).unreachable
    assert ("server.unreachable", "") in scene.told()
