"""What one caller is shown of a list: page by page, under names that lead back here, to nobody else."""

from typing import Any

import msgspec
import pytest

from tests.clock import HandClock
from yett.catalogue import showing
from yett.catalogue.names import decode_uri, public_uri, split_uri
from yett.catalogue.showing import CURSOR_SECONDS, PAGE_ITEMS_MAX, show_page
from yett.core.call import Call
from yett.core.errors import Denied
from yett.core.identity import Principal
from yett.core.operations import OPERATIONS, Kind
from yett.core.proofs import PermittedList
from yett.core.reasons import Reason
from yett.core.seal import KEY_BYTES, Sealer
from yett.core.target import Target

CLOCK = HandClock()
SEALER = Sealer(bytes(KEY_BYTES), CLOCK)
ANNA = Principal(id="a", name="anna")
BERT = Principal(id="b", name="bert")


def tool(number: int, **more: Any) -> Target:
    name = f"t{number:05d}"
    return Target(
        kind=Kind.TOOL,
        server="s",
        name=name,
        public_name=f"s__{name}",
        definition={"name": name, **more},
    )


def asked(
    targets: tuple[Target, ...],
    cursor: object = None,
    *,
    principal: Principal = ANNA,
    server: str | None = None,
    whole: bool = False,
    method: str = "tools/list",
) -> PermittedList:
    call = Call(
        id="r",
        operation=OPERATIONS[method],
        server=server,
        params={"whole": whole} if cursor is None else {"cursor": cursor},
        credential=None,
        peer="p",
        door="mcp",
        protocol="2025-11-25",
        received_at=0.0,
        started=0.0,
    )
    return PermittedList(call, principal, targets, "v")


def page(permitted: PermittedList) -> dict[str, Any]:
    return show_page(permitted, SEALER, lambda _: False)


def names(result: dict[str, Any]) -> list[str]:
    return [item["name"] for item in result["tools"]]


MANY = tuple(tool(number) for number in range(2 * PAGE_ITEMS_MAX + 5))


def test_all_pages_together_are_the_whole_list_once() -> None:
    found: list[str] = []
    cursor = None
    for _ in range(3):
        result = page(asked(MANY, cursor))
        found += names(result)
        cursor = result.get("nextCursor")

    assert cursor is None
    assert found == [target.public_name for target in MANY]


def test_a_short_list_has_no_cursor_and_a_whole_one_no_pages() -> None:
    assert "nextCursor" not in page(asked(MANY[:PAGE_ITEMS_MAX]))
    assert len(page(asked(MANY, whole=True))["tools"]) == len(MANY)


def test_a_list_that_changed_goes_on_behind_what_was_shown_last() -> None:
    cursor = page(asked(MANY))["nextCursor"]
    shorter = MANY[10:]

    assert names(page(asked(shorter, cursor)))[0] == MANY[PAGE_ITEMS_MAX].public_name


def test_a_list_that_lost_what_was_shown_last_repeats_nothing_before_it() -> None:
    cursor = page(asked(MANY))["nextCursor"]
    without = MANY[: PAGE_ITEMS_MAX - 1] + MANY[PAGE_ITEMS_MAX:]

    assert names(page(asked(without, cursor)))[0] == MANY[PAGE_ITEMS_MAX].public_name


@pytest.mark.parametrize(
    "other",
    [
        asked(MANY, principal=BERT),
        asked(MANY, server="s"),
        asked(MANY, method="prompts/list"),
    ],
)
def test_a_cursor_opens_for_its_caller_and_its_list_only(other: PermittedList) -> None:
    cursor = page(asked(MANY))["nextCursor"]
    call = msgspec.structs.replace(other.call, params={"cursor": cursor})

    with pytest.raises(Denied) as caught:
        page(msgspec.structs.replace(other, call=call))
    assert caught.value.reason is Reason.INVALID_STATE


@pytest.mark.parametrize("cursor", ["", "AAAA", "é", 7, ["x"], "A" * 100_000])
def test_what_is_no_cursor_is_refused(cursor: object) -> None:
    with pytest.raises(Denied) as caught:
        page(asked(MANY, cursor))
    assert caught.value.reason is Reason.INVALID_STATE


def test_a_cursor_ages() -> None:
    cursor = page(asked(MANY))["nextCursor"]
    CLOCK.pass_seconds(CURSOR_SECONDS + 1)

    with pytest.raises(Denied):
        page(asked(MANY, cursor))


def test_a_page_of_an_app_keeps_its_scheme_and_leads_back() -> None:
    app = tool(1, _meta={"ui": {"resourceUri": "ui://clock/face", "visibility": ["app"]}, "x": 1})
    [shown] = page(asked((app,)))["tools"]

    public = shown["_meta"]["ui"]["resourceUri"]
    assert public.startswith("ui://s/")
    server, encoded = split_uri(public)
    assert (server, decode_uri(encoded)) == ("s", "ui://clock/face")
    assert shown["_meta"]["ui"]["visibility"] == ["app"]
    assert shown["_meta"]["x"] == 1
    assert page(asked((app,), server="s"))["tools"] == [app.definition]


@pytest.mark.parametrize("meta", [None, [], {"ui": None}, {"ui": {"resourceUri": 7}}])
def test_a_page_that_is_none_stays_as_it_is(meta: object) -> None:
    [shown] = page(asked((tool(1, _meta=meta),)))["tools"]

    assert shown["_meta"] == meta


def test_a_public_name_has_one_scheme_only() -> None:
    assert split_uri(public_uri("s", "ui://a").replace("ui://s", "yett://s")) == ("", "")
    assert split_uri(public_uri("s", "file:///a").replace("yett://", "ui://")) == ("", "")


def test_away_is_marked_and_not_gone() -> None:
    result = show_page(asked((tool(1, _meta={"x": 1}), tool(2, _meta=3))), SEALER, lambda _: True)

    assert [item["_meta"] for item in result["tools"]] == [
        {"x": 1, showing.UNAVAILABLE: True},
        {showing.UNAVAILABLE: True},
    ]
