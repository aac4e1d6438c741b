import asyncio
from typing import Any

import msgspec
import pytest

from tests.seals import SEALER
from tests.yett.catalogue.scene import ANNA, Scene, identified, lock_of, pin, tool
from yett.catalogue.lock import Lock, with_pins
from yett.catalogue.pinning import Classes
from yett.catalogue.port import Definitions
from yett.catalogue.showing import UNAVAILABLE
from yett.core.aliases import alias_of
from yett.core.errors import Denied
from yett.core.operations import Kind
from yett.core.proofs import Identified, PermittedList
from yett.core.reasons import Reason
from yett.core.tasks import TaskAsked, TaskHandle, seal_task

TIME = Definitions(tools=(tool("now"), tool("_then"), tool("a__b")))
NOTES = Definitions(
    tools=(tool("read_note"),),
    prompts=({"name": "summarise", "arguments": []},),
    resources=({"uri": "note:///a?b=ä", "name": "a"}, {"uri": "note:///x%20y", "name": "xy"}),
    resource_templates=({"uriTemplate": "note:///{title}", "name": "note"},),
)
BAD_URI = "note:///not plain"


async def both(**changes: Any) -> Scene:
    lock = Lock(servers=lock_of("notes", NOTES).servers | lock_of("time", TIME, "write").servers)
    scene = Scene({"time": TIME, "notes": NOTES}, lock, **changes)
    await scene.verify()
    return scene


async def test_a_public_name_means_one_tool_of_one_server() -> None:
    scene = await both()
    target = await scene.resolve("time__now")
    assert (target.kind, target.server, target.name) == (Kind.TOOL, "time", "now")
    assert (target.public_name, target.access) == ("time__now", "write")
    assert target.definition == tool("now")
    assert (await scene.resolve("time___then")).name == "_then"
    assert (await scene.resolve("time__a__b")).name == "a__b"
    assert await scene.resolve("now", server="time") == target


@pytest.mark.parametrize(
    "name",
    [
        "",
        "now",
        "__now",
        "time__",
        "time_now",
        "time.now",
        "time/now",
        "Time__now",
        "time__Now",
        "time__now ",
        " time__now",
        "time__now\0",
        "time__ｎow",
        "tıme__now",
        "ti\u200bme__now",
        "notes__now",
        "nowhere__now",
        "time__" + "x" * 100_000,
    ],
)
async def test_any_other_spelling_is_an_unknown_tool(name: str) -> None:
    """V, Z: case, blanks, compatibility forms and look-alikes name nothing."""
    scene = await both()
    with pytest.raises(Denied) as caught:
        await scene.resolve(name)
    assert caught.value.reason is Reason.UNKNOWN_TOOL
    assert len(caught.value.private) < 400


@pytest.mark.parametrize(
    ("name", "server"), [("time__now", "time"), ("now", "notes"), ("now", "nowhere"), ("", "time")]
)
async def test_on_a_servers_own_endpoint_only_its_own_names_count(name: str, server: str) -> None:
    scene = await both()
    with pytest.raises(Denied) as caught:
        await scene.resolve(name, server=server)
    assert caught.value.reason is Reason.UNKNOWN_TOOL


async def test_a_tool_is_no_prompt_and_no_resource() -> None:
    scene = await both()
    assert (await scene.resolve("notes__summarise", method="prompts/get")).access == "read"
    for name, method in (
        ("notes__read_note", "prompts/get"),
        ("notes__summarise", "tools/call"),
        ("notes__read_note", "resources/read"),
    ):
        with pytest.raises(Denied):
            await scene.resolve(name, method=method)


async def test_an_operation_about_nothing_resolves_to_nothing() -> None:
    scene = await both()
    with pytest.raises(Denied):
        await scene.resolve("time__now", method="ping")


async def test_resources_are_found_by_their_uri_on_either_endpoint() -> None:
    scene = await both()
    own = await scene.resolve("note:///a?b=ä", server="notes", method="resources/read")
    public = await scene.resolve(
        "yett://notes/note%3A%2F%2F%2Fa%3Fb%3D%C3%A4", method="resources/read"
    )
    assert own == public
    assert not own.quarantined
    assert (own.kind, own.access, own.name) == (Kind.RESOURCE, "read", "note:///a?b=ä")


async def test_a_template_makes_a_resource_readable_on_either_endpoint() -> None:
    scene = await both()
    own = await scene.resolve("note:///invoice", server="notes", method="resources/read")
    public = await scene.resolve("yett://notes/note%3A%2F%2F%2Finvoice", method="resources/read")
    assert own == public
    assert (own.kind, own.name) == (Kind.RESOURCE, "note:///invoice")
    assert own.public_name == "yett://notes/note%3A%2F%2F%2Finvoice"


@pytest.mark.parametrize(
    ("uri", "server"),
    [
        (BAD_URI, "notes"),
        ("note:///..", "notes"),
        ("file:///etc/passwd", "notes"),
        ("yett://notes/note%3A%2F%2F%2Finvoice", "notes"),
        ("note:///invoice", None),
        ("yett://notes/note:///invoice", None),
        ("yett://notes/note%3a%2f%2f%2finvoice", None),
        ("yett://nowhere/note%3A%2F%2F%2Finvoice", None),
        ("yett://time/note%3A%2F%2F%2Finvoice", None),
        ("yett://notes/", None),
        ("yett://notes", None),
        ("yett://notes/%FF", None),
        ("http://notes/note%3A%2F%2F%2Finvoice", None),
    ],
)
async def test_any_other_uri_is_unknown(uri: str, server: str | None) -> None:
    scene = await both()
    with pytest.raises(Denied) as caught:
        await scene.resolve(uri, server=server, method="resources/read")
    assert caught.value.reason is Reason.UNKNOWN_TOOL


async def test_a_quarantined_resource_is_not_reached_by_a_template_or_a_second_spelling() -> None:
    changed = NOTES.resources[1] | {"description": "changed"}
    scene = await both()
    scene.discoverer.offers["notes"] = Definitions(
        resources=(changed,), resource_templates=NOTES.resource_templates
    )
    await scene.catalogue.verify("notes")
    uri = "note:///x%20y"
    own = await scene.resolve(uri, server="notes", method="resources/read")
    assert own.quarantined
    public = await scene.resolve("yett://notes/note%3A%2F%2F%2Fx%2520y", method="resources/read")
    assert public.quarantined
    with pytest.raises(Denied):
        await scene.resolve("yett://notes/note%3A%2F%2F%2Fx%20y", method="resources/read")


async def test_a_quarantined_template_does_not_hide_a_good_one() -> None:
    templates: tuple[dict[str, Any], ...] = (
        {"uriTemplate": "note:///{a}"},
        {"uriTemplate": "note:///{b}"},
    )
    scene = Scene(
        {"notes": Definitions(resource_templates=({**templates[0], "x": 1}, templates[1]))},
        lock_of("notes", Definitions(resource_templates=templates)),
    )
    await scene.verify()
    target = await scene.resolve("note:///x", server="notes", method="resources/read")
    assert not target.quarantined
    scene.discoverer.offers["notes"] = Definitions(resource_templates=({**templates[0], "x": 1},))
    await scene.verify()
    target = await scene.resolve("note:///x", server="notes", method="resources/read")
    assert target.quarantined


async def test_a_changed_tool_is_returned_as_quarantined_and_not_listed() -> None:
    """C02: authorization refuses it, after it knows whether the caller may see it."""
    scene = await both()
    scene.discoverer.offers["time"] = Definitions(
        tools=(tool("now", "Does it. <IMPORTANT>"), tool("_then"), tool("a__b"))
    )
    await scene.verify()
    assert (await scene.resolve("time__now")).quarantined
    assert (await scene.resolve("time__now")).definition == tool("now")
    assert not (await scene.resolve("time___then")).quarantined
    assert await scene.take("tools/list", "time") == ["time___then", "time__a__b"]


async def test_what_was_found_before_is_not_found_as_it_was() -> None:
    scene = await both()
    asked, there = identified("tools/call", "time__now"), identified("tools/call", "now", "time")
    before = [scene.catalogue.find(asked), scene.catalogue.find(there)]

    scene.catalogue.changed("time")  # its calls wait
    assert [scene.catalogue.find(asked), scene.catalogue.find(there)] == [None, None]

    scene.discoverer.offers["time"] = Definitions(tools=(tool("now", "Does another thing"),))
    await scene.verify()
    after = [scene.catalogue.find(asked), scene.catalogue.find(there)]

    assert [one is not None and one.target.quarantined for one in before] == [False, False]
    assert [one is not None and one.target.quarantined for one in after] == [True, True]


@pytest.mark.parametrize("later", [4.9, 5.1])
async def test_who_finds_a_tool_has_its_server_asked_again_if_it_was_not_lately(
    later: float,
) -> None:
    scene = await both()
    asked = identified("tools/call", "time__now")
    for _ in range(2):  # the first looks for it, the second knows it
        call = msgspec.structs.replace(asked.call, started=scene.clock.monotonic() + later)
        assert scene.catalogue.find(Identified(call, ANNA)) is not None
        watch = scene.verifier._watches["time"]
        assert watch.wanted.is_set() is (later > 5.0)
        watch.wanted.clear()


async def test_only_tools_that_there_are_are_kept() -> None:
    scene = await both()
    for number in range(50):
        assert scene.catalogue.find(identified("tools/call", f"time__now{number}")) is None
        scene.catalogue.find(identified("resources/read", f"note:///{number}", "notes"))

    assert scene.verifier.tools == {}


async def test_a_tool_that_the_operator_took_out_of_use_is_quarantined() -> None:
    lock = with_pins(
        lock_of("time", TIME),
        "time",
        Kind.TOOL,
        {"now": pin("time", tool("now"), quarantined=True)},
    )
    scene = Scene({"time": TIME}, lock)
    await scene.verify()
    assert (await scene.resolve("time__now")).quarantined


async def test_a_tool_that_is_not_pinned_is_invisible() -> None:
    """Z03: it appeared after approval."""
    scene = await both()
    scene.discoverer.offers["time"] = Definitions(tools=(*TIME.tools, tool("new")))
    await scene.verify()
    with pytest.raises(Denied):
        await scene.resolve("time__new")
    assert "time__new" not in await scene.take("tools/list")


async def test_a_pinned_tool_that_is_no_longer_shown_is_unknown() -> None:
    scene = await both()
    scene.discoverer.offers["time"] = Definitions(tools=(tool("_then"),))
    await scene.verify()
    with pytest.raises(Denied):
        await scene.resolve("time__now")
    assert await scene.take("tools/list", "time") == ["time___then"]


async def test_what_the_configuration_says_of_a_tool_prevails_over_its_pin() -> None:
    scene = await both(classes={"time": Classes(operator={"now": "read"})})
    assert (await scene.resolve("time__now")).access == "read"
    assert (await scene.resolve("time___then")).access == "write"


async def test_lists_hold_what_may_be_called_in_a_stable_order() -> None:
    scene = await both()
    assert await scene.take("tools/list") == [
        "time___then",
        "time__a__b",
        "time__now",
        "notes__read_note",
    ]
    assert await scene.take("prompts/list") == ["notes__summarise"]
    assert await scene.take("tools/list", "notes") == ["notes__read_note"]
    assert await scene.take("tools/list", "nowhere") == []
    assert len(await scene.take("yett/key")) == 8
    for name in await scene.take("tools/list"):
        assert not (await scene.resolve(name)).quarantined


async def test_the_inventory_is_the_same_object_until_something_changes() -> None:
    scene = await both()
    first = await scene.catalogue.take_inventory(identified("tools/list"))
    second = await scene.catalogue.take_inventory(identified("tools/list"))
    assert first.targets is second.targets


async def test_scopes_that_callers_make_up_are_not_kept() -> None:
    scene = await both()
    for number in range(100):
        await scene.take("tools/list", f"nowhere{number}")
    assert len(scene.verifier.view.inventories) < 10


async def test_what_is_shown_is_the_pinned_definition_under_its_public_name() -> None:
    scene = await both()
    shown = await scene.show("tools/list")
    assert [item["name"] for item in shown["tools"]] == [
        "time___then",
        "time__a__b",
        "time__now",
        "notes__read_note",
    ]
    assert shown["tools"][3] == tool("read_note") | {"name": "notes__read_note"}
    assert (await scene.show("tools/list", "notes")) == {"tools": [tool("read_note")]}
    assert (await scene.resolve("notes__read_note")).definition == tool("read_note")


async def test_resources_templates_and_prompts_are_shown_by_public_names() -> None:
    scene = await both()
    resources = await scene.show("resources/list")
    assert [item["uri"] for item in resources["resources"]] == [
        "yett://notes/note%3A%2F%2F%2Fa%3Fb%3D%C3%A4",
        "yett://notes/note%3A%2F%2F%2Fx%2520y",
    ]
    assert await scene.show("resources/templates/list") == {
        "resourceTemplates": [
            {"uriTemplate": "yett://notes/note%3A%2F%2F%2F{title}", "name": "note"}
        ]
    }
    assert await scene.show("prompts/list") == {
        "prompts": [{"name": "notes__summarise", "arguments": []}]
    }
    own = await scene.show("resources/list", "notes")
    assert own == {"resources": list(NOTES.resources)}


async def test_only_what_is_permitted_is_shown() -> None:
    scene = await both()
    asked = identified("tools/list")
    inventory = await scene.catalogue.take_inventory(asked)
    permitted = PermittedList(asked.call, ANNA, inventory.targets[-1:], "v")
    assert [item["name"] for item in scene.catalogue.show(permitted)["tools"]] == [
        "notes__read_note"
    ]


async def test_a_key_is_told_its_tools() -> None:
    scene = await both()
    asked = identified("yett/key")
    inventory = await scene.catalogue.take_inventory(asked)
    permitted = PermittedList(asked.call, ANNA, inventory.targets, "v")
    assert scene.catalogue.describe(permitted)["tools"][-1] == {
        "name": "read_note",
        "server": "notes",
        "access": "read",
    }
    assert len(scene.catalogue.describe(permitted)["tools"]) == 4


async def test_what_is_pinned_of_a_server_out_of_reach_is_returned_as_such() -> None:
    """Authorization says so after permission, so that nobody else learns that it exists."""
    scene = Scene({}, lock_of("time", TIME), servers=("time",))
    await scene.verify()
    assert (await scene.resolve("time__now")).unreachable
    with pytest.raises(Denied):
        await scene.resolve("time__made_up")
    assert "time__now" in await scene.take("tools/list")
    shown = (await scene.show("tools/list"))["tools"]
    assert all(item["_meta"][UNAVAILABLE] is True for item in shown)


async def test_operators_are_told_the_state_of_everything() -> None:
    scene = await both()
    scene.discoverer.offers["time"] = Definitions(tools=(tool("now", "changed"), tool("new")))
    await scene.verify()
    report = {(row["server"], row["name"]): row["state"] for row in scene.catalogue.report()}
    assert report["time", "now"] == "quarantined"
    assert report["time", "_then"] == "missing"
    assert report["time", "new"] == "appeared"
    assert report["notes", "read_note"] == "approved"


async def test_what_is_pinned_but_not_shown_is_unknown_after_the_wait_too() -> None:
    scene = Scene({"time": Definitions()}, lock_of("time", TIME))
    waiting = asyncio.create_task(scene.resolve("time__now"))
    await asyncio.sleep(0)
    await scene.verify()
    with pytest.raises(Denied) as caught:
        await waiting
    assert caught.value.reason is Reason.UNKNOWN_TOOL


async def test_a_resource_of_a_server_without_any_is_not_waited_for() -> None:
    scene = Scene({}, lock_of("time", TIME), servers=("time",))
    with pytest.raises(Denied):
        await scene.resolve("note:///x", server="time", method="resources/read")
    scene = Scene({}, lock_of("notes", NOTES), servers=("notes",))
    await scene.verify()
    found = await scene.resolve("note:///x", server="notes", method="resources/read")
    assert (found.kind, found.name) == (Kind.RESOURCE, "note:///x")
    assert found.unreachable
    with pytest.raises(Denied):
        await scene.resolve("other:///x", server="notes", method="resources/read")


async def test_a_change_of_a_server_that_is_no_longer_configured_is_nobodys_business() -> None:
    scene = await both()
    scene.catalogue.changed("gone")
    assert (await scene.resolve("time__now")).name == "now"


async def test_a_server_that_comes_back_is_no_longer_marked_and_its_changes_are_noticed() -> None:
    scene = Scene({}, lock_of("time", TIME), servers=("time",))
    await scene.verify()
    scene.discoverer.offers["time"] = TIME
    await scene.verify()

    shown = (await scene.show("tools/list"))["tools"]
    assert shown
    assert all(UNAVAILABLE not in (item.get("_meta") or {}) for item in shown)
    assert [event for event, _ in scene.told()] == ["server.unreachable", "server.reachable"]


def about_task(identifier: str, server: str | None = None) -> Identified:
    asked = identified("tasks/get", "", server)
    call = msgspec.structs.replace(asked.call, task=TaskAsked(identifier))
    return Identified(call, asked.principal)


@pytest.mark.parametrize("server", [None, "time"])
async def test_a_task_leads_to_its_tool_and_to_what_its_server_calls_it(server: str | None) -> None:
    scene = await both()
    handle = TaskHandle("time", "now", "core", "own")
    resolved = await scene.catalogue.resolve(about_task(seal_task(handle, SEALER, ANNA.id), server))

    assert resolved.target.key == "time/now"
    assert resolved.call.task is not None
    assert resolved.call.task.handle == handle


@pytest.mark.parametrize(
    ("owner", "server", "tool", "reason"),
    [
        ("somebody", None, "now", Reason.INVALID_STATE),
        (ANNA.id, "notes", "now", Reason.INVALID_STATE),
        (ANNA.id, None, "gone", Reason.UNKNOWN_TOOL),
    ],
)
async def test_a_task_of_another_caller_server_or_time_leads_nowhere(
    owner: str, server: str | None, tool: str, reason: Reason
) -> None:
    scene = await both()
    sealed = seal_task(TaskHandle("time", tool, "core", "own"), SEALER, owner)
    with pytest.raises(Denied) as caught:
        await scene.catalogue.resolve(about_task(sealed, server))
    assert caught.value.reason is reason


async def test_a_tool_is_found_by_what_providers_call_it() -> None:
    long = "look.at." + "x" * 80
    scene = Scene({"time": Definitions(tools=(tool(long),))}, pin_at_first_sight=True)
    await scene.verify()

    assert (await scene.resolve(alias_of(f"time__{long}"))).name == long
    with pytest.raises(Denied):
        await scene.resolve(alias_of(f"time__{long}"), "time")
