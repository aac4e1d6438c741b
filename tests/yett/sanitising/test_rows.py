"""What leaves of an answer some of whose rows its caller may see. Oracle: no byte of another row, anywhere."""

import json
import time
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.seals import SEALER
from tests.yett.sanitising.answers import answered, text
from yett.catalogue import public_uri
from yett.core.call import RpcError
from yett.core.errors import Fault
from yett.core.notices import Notice, Several
from yett.core.predicate import Any as AnyOf
from yett.core.predicate import Compare, Has, RowRule, Truth
from yett.core.proofs import Answered, Cleaned
from yett.core.reasons import Reason
from yett.sanitising.build import build
from yett.sanitising.config import AnswerRules
from yett.sanitising.row_judging import Judges, judge_of
from yett.sanitising.rows import NOTE, RowPlaces, read_places

OURS: Final = RowRule((Compare(("tenant",), "==", "acme"),), (), ("own",))
NOBODY: Final = RowRule((), (), ())
ALL: Final = RowRule((Truth(holds=True),), (), ("all",))
THEIRS: Final = "globex-secret"
ROWS: Final[list[dict[str, Any]]] = [
    {"id": 1, "tenant": "acme", "name": "ours"},
    {"id": 2, "tenant": "globex", "name": THEIRS},
    {"id": 3, "tenant": "acme", "name": "ours too"},
]


def places(*at: str, hide: tuple[str, ...] = (), at_most: int | None = None, text: bool = True) -> RowPlaces:  # fmt: skip
    return read_places(at or ("/structuredContent/rows",), hide, text=text, at_most=at_most)


def of(answer: Answered, rule: RowRule | None, rows: RowPlaces | None = None) -> Cleaned:
    permitted = msgspec.structs.replace(answer.armed.admitted.validated.permitted, rows=rule)
    validated = msgspec.structs.replace(answer.armed.admitted.validated, permitted=permitted)
    admitted = msgspec.structs.replace(answer.armed.admitted, validated=validated)
    armed = msgspec.structs.replace(answer.armed, admitted=admitted)
    stage = build(
        {"demo/echo": AnswerRules(rows=rows or places())}, lambda *_: None, SEALER, public_uri
    )
    return stage.clean(msgspec.structs.replace(answer, armed=armed))


def clean(
    result: dict[str, Any], rule: RowRule | None = OURS, rows: RowPlaces | None = None
) -> Cleaned:
    return of(answered(result), rule, rows)


def refused(result: dict[str, Any], rows: RowPlaces | None = None) -> str:
    with pytest.raises(Fault) as caught:
        clean(result, rows=rows)
    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert THEIRS not in caught.value.private
    return caught.value.private


def structured(value: Any, **more: Any) -> dict[str, Any]:
    return {"content": [], "structuredContent": value} | more


def said(cleaned: Cleaned) -> Any:
    """The first text of a result, as JSON."""
    assert cleaned.result is not None
    return json.loads(cleaned.result["content"][0]["text"])


def test_a_row_is_shown_to_its_own_tenant_only() -> None:
    found = clean(structured({"rows": ROWS, "page": 1}))

    assert found.result is not None
    assert found.result["structuredContent"] == {"rows": [ROWS[0], ROWS[2]], "page": 1}
    assert found.findings == ("rows:hidden",)
    assert THEIRS.encode() not in found.encoded


def test_the_text_says_what_is_left_whatever_it_said() -> None:
    found = clean(structured({"rows": ROWS}) | text(f"I found {THEIRS}!"))

    assert said(found) == {"rows": [ROWS[0], ROWS[2]]}
    assert THEIRS.encode() not in found.encoded


@pytest.mark.parametrize(
    "beside",
    [
        {"_meta": {"raw": THEIRS}},
        {"_meta": {"yett/rows": THEIRS}},
        {"content": [{"type": "text", "text": "ok", "annotations": {"x": THEIRS}, "_meta": {"y": THEIRS}}]},
        {"content": [{"type": "resource_link", "uri": f"db://{THEIRS}", "name": THEIRS}]},
        {"content": [{"type": "resource", "resource": {"uri": "db://1", "text": THEIRS}}]},
        {"content": [{"type": "image", "mimeType": "image/png", "data": "Z2xvYmV4LXNlY3JldA=="}]},
        {"unknown": {"more": THEIRS}},
        {"isError": True},
    ],
)  # fmt: skip
def test_nothing_beside_the_rows_leaves(beside: dict[str, Any]) -> None:
    """Neither in words nor as the bytes of a picture."""
    found = clean(structured({"rows": ROWS}) | beside)

    assert THEIRS.encode() not in found.encoded
    assert b"Z2xvYmV4LXNlY3JldA" not in found.encoded


LEAVES: Final = st.sampled_from([None, True, 7, 0.5, "acme", THEIRS, f"tenant: {THEIRS}"])
ANYTHING: Final = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["tenant", "rows", THEIRS, "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(ANYTHING, max_size=6), st.sampled_from(["text", "structured"]), st.sampled_from(["/structuredContent/rows", "/structuredContent/rows/*", "/structuredContent/rows/*/rows"]))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_whatever_stands_among_the_rows_only_ours_leave(
    rows: list[Any],
    form: str,
    at: str,
) -> None:
    """A row of any form leaves only if it says that it is ours."""
    mine = {"tenant": "acme", "x": "ours"}
    document = {"rows": [*rows, mine, {"rows": [mine]}]}
    answer = text(json.dumps(document)) if form == "text" else structured(document)
    try:
        found = clean(answer, rows=places(at))
    except Fault:
        return
    assert found.result is not None
    left = json.loads(found.result["content"][0]["text"])["rows"]
    if at.endswith("/*/rows"):
        shown = [row for group in left for row in _rows_in(group)]
    else:
        shown = left
    assert mine in shown
    assert all(isinstance(row, dict) and row["tenant"] == "acme" for row in shown)


def _rows_in(group: Any) -> list[Any]:
    found = group.get("rows") if isinstance(group, dict) else None
    if isinstance(found, dict):
        return [found]
    return found or []


def test_a_failure_says_that_it_failed_and_nothing_more() -> None:
    found = clean(text(f"duplicate key: {THEIRS}", isError=True))

    assert found.result is not None
    assert found.result["isError"] is True
    assert "withheld" in found.result["content"][0]["text"]
    assert found.findings == ("rows:withheld",)


def test_an_error_of_the_server_is_withheld_as_well() -> None:
    found = of(answered(None, error=RpcError(-32603, THEIRS, {"row": THEIRS})), ALL)

    assert found.error is not None
    assert found.error.code == -32603
    assert THEIRS.encode() not in found.encoded
    assert found.findings == ("rows:withheld",)


def test_without_a_rule_nothing_is_shown() -> None:
    for rule in (None, NOBODY):
        found = clean(structured({"rows": ROWS}), rule)
        assert found.result is not None
        assert found.result["structuredContent"] == {"rows": []}


@pytest.mark.parametrize(
    "value",
    [
        {"rows": "1,globex-secret"},
        {"rows": 3},
        {"rows": [["acme", THEIRS]]},
        {"rows": [THEIRS]},
        {"rows": [{"id": 1, "name": THEIRS}]},
        {"rows": [{"id": 1, "tenant": None, "name": THEIRS}]},
        {"rows": [{"tenant": ["acme"], "name": THEIRS}]},
        {"customers": ROWS},
        {},
        ROWS,
        THEIRS,
    ],
)  # fmt: skip
def test_rows_that_cannot_be_told_apart_are_refused(value: Any) -> None:
    assert refused(structured(value)).startswith("its rows cannot be told apart: ")
    assert refused(text(json.dumps(value))).startswith("its rows cannot be told apart: ")


@pytest.mark.parametrize(
    "said_so",
    [THEIRS, f"| acme | {THEIRS} |", "", "[1", '{"rows": [], "rows": [{"tenant": "globex"}]}', '{"rows": NaN}'],
)  # fmt: skip
def test_a_text_that_is_no_json_is_refused(said_so: str) -> None:
    assert "no JSON" in refused(text(said_so))


def test_an_answer_without_any_text_is_refused_unless_it_is_empty() -> None:
    link = {"type": "resource_link", "uri": "db://1", "name": "n"}

    assert "holds no rows" in refused({"content": [link]})
    assert clean({"content": []}).result == {"content": []}


def test_a_row_that_cannot_be_compared_is_not_shown_beside_one_that_can() -> None:
    found = clean(structured({"rows": [*ROWS, {"id": 4, "name": THEIRS}]}))

    assert said(found) == {"rows": [ROWS[0], ROWS[2]]}
    assert found.findings == ("rows:hidden", "rows:unclear")


def test_a_list_in_a_text_is_taken_as_it_is() -> None:
    found = clean(text(json.dumps(ROWS, indent=2)), rows=places(""))

    assert said(found) == [ROWS[0], ROWS[2]]


def test_the_same_place_is_looked_for_in_a_text() -> None:
    answer = text(json.dumps({"rows": ROWS}))

    assert said(clean(answer)) == {"rows": [ROWS[0], ROWS[2]]}
    assert "nothing at the place" in refused(answer, places(text=False))


def test_a_text_may_have_a_place_of_its_own() -> None:
    both = places("/structuredContent/result", "")

    assert said(clean(text(json.dumps(ROWS)), rows=both)) == [ROWS[0], ROWS[2]]
    assert said(clean(structured({"result": ROWS}), rows=both)) == {"result": [ROWS[0], ROWS[2]]}


def test_one_row_in_each_text() -> None:
    blocks = [{"type": "text", "text": json.dumps(row)} for row in ROWS]
    found = clean({"content": blocks}, rows=places(""))

    assert found.result is not None
    assert [json.loads(block["text"]) for block in found.result["content"]] == [ROWS[0], ROWS[2]]


def test_one_row_alone_that_is_not_ours_is_no_row() -> None:
    for answer, rows in (
        (structured(ROWS[1]), places("/structuredContent")),
        (structured({"found": ROWS[1]}), places("/structuredContent/found")),
        (text(json.dumps(ROWS[1])), places("")),
    ):
        found = clean(answer, rows=rows)
        assert found.result is not None
        assert found.result["isError"] is True
        assert THEIRS.encode() not in found.encoded
    assert said(clean(structured(ROWS[0]), rows=places("/structuredContent"))) == ROWS[0]


def test_a_star_stands_for_each_element() -> None:
    groups = {"groups": [{"name": "a", "rows": ROWS}, {"name": "b", "rows": [ROWS[1]]}, {"name": "c", "rows": None}]}  # fmt: skip
    found = clean(structured(groups), rows=places("/structuredContent/groups/*/rows"))

    assert said(found) == {
        "groups": [
            {"name": "a", "rows": [ROWS[0], ROWS[2]]},
            {"name": "b", "rows": []},
            {"name": "c", "rows": None},
        ]
    }


def test_rows_may_stand_under_names() -> None:
    by_name = {"rows": {str(row["id"]): row for row in ROWS}}
    found = clean(structured(by_name), rows=places("/structuredContent/rows/*"))

    assert said(found) == {"rows": {"1": ROWS[0], "3": ROWS[2]}}
    mixed = {"rows": {"a": 7, "b": ROWS[0], "c": None, "d": ROWS[1], "e": ROWS[2]}}
    few = places("/structuredContent/rows/*", at_most=1)
    assert said(clean(structured(mixed), rows=few)) == {"rows": {"b": ROWS[0]}}


def test_several_places_are_all_looked_at() -> None:
    two = places("/structuredContent/rows", "/structuredContent/more")
    found = clean(structured({"rows": ROWS, "more": [ROWS[1]]}), rows=two)

    assert said(found) == {"rows": [ROWS[0], ROWS[2]], "more": []}
    assert said(clean(structured({"more": ROWS}), rows=two)) == {"more": [ROWS[0], ROWS[2]]}


def test_hidden_fields_are_nowhere() -> None:
    rows = [
        {
            "tenant": "acme",
            "ssn": "1",
            "home": {"street": "x", "town": "y", "ssn": "2"},
            "street": "kept",
        }
    ]
    found = clean(
        structured({"rows": rows, "total": 1_000, "debug": {"total": 3}}),
        rows=places(hide=("ssn", "/home/street", "total")),
    )  # fmt: skip

    assert said(found) == {
        "rows": [{"tenant": "acme", "home": {"town": "y"}, "street": "kept"}],
        "debug": {},
    }


def test_what_is_compared_may_be_hidden() -> None:
    found = clean(structured({"rows": ROWS}), rows=places(hide=("tenant",)))

    assert said(found) == {"rows": [{"id": 1, "name": "ours"}, {"id": 3, "name": "ours too"}]}


def test_only_so_many_rows_are_shown_and_it_is_said() -> None:
    found = clean(structured({"rows": ROWS}), ALL, places(at_most=2))

    assert found.result is not None
    assert said(found) == {"rows": ROWS[:2]}
    assert "first 2 rows" in found.result["content"][1]["text"]
    assert found.result["_meta"] == {NOTE: {"shown": 2, "more": True}}
    assert found.findings == ("rows:capped",)


def test_rows_of_others_are_not_counted() -> None:
    """Whether there are more is told of rows that the caller may see, or it would learn of others'."""
    found = clean(structured({"rows": [ROWS[0], *[ROWS[1]] * 50]}), rows=places(at_most=1))

    assert found.result is not None
    assert len(found.result["content"]) == 1
    assert found.findings == ("rows:hidden",)


def test_a_question_of_the_server_is_not_passed_on() -> None:
    question = {"resultType": "input_required", "inputRequests": {}, "requestState": THEIRS}

    assert "asks something" in refused(question)


def test_what_a_server_says_while_it_works_is_not_passed_on() -> None:
    armed = answered({"content": []}).armed
    stage = build({"demo/echo": AnswerRules(rows=places())}, lambda *_: None, SEALER, public_uri)

    def count(_: Notice | Several | None) -> bool:
        return True

    assert stage.listen(armed, count) is None


def test_the_answer_is_checked_before_rows_and_fields_are_taken_out() -> None:
    """What is left need not fit the schema that the tool has."""
    judged: list[Any] = []

    def problem(_target: object, value: Any) -> str | None:
        judged.append(value)
        return None if len(value["rows"]) == 3 else "too few rows"

    stage = build({"demo/echo": AnswerRules(rows=places())}, problem, SEALER, public_uri)
    whole = stage.clean(answered(structured({"rows": ROWS})))

    assert whole.result is not None
    assert judged == [{"rows": ROWS}]
    with pytest.raises(Fault):
        stage.clean(answered(structured({"rows": ROWS[:2]})))


def test_a_rule_is_made_quick_once() -> None:
    judges = Judges()

    assert judges.of(OURS) is judges.of(OURS)
    assert judges.of(ALL) is not judges.of(OURS)


def test_too_many_rows_for_so_many_conditions_are_refused_at_once() -> None:
    """The loop is everybody's: 50,000 rows and 200 conditions would take it for seconds."""
    rule = RowRule((AnyOf(tuple(Has((f"f{number}",)) for number in range(200))),), (), ())
    began = time.process_time()
    with pytest.raises(Fault, match="too many rows"):
        clean(structured({"rows": [{"tenant": "acme"}] * 50_000}), rule)

    assert time.process_time() - began < 1


def test_a_forbid_that_cannot_be_judged_hides_the_row() -> None:
    judge = judge_of(RowRule((Truth(holds=True),), (Compare(("level",), ">", 2),), ()))

    assert judge([{"level": 1}, {"level": 3}, {"level": "3"}, {}]) == [True, False, None, None]
