"""What the page about rows says is what the gate does."""

import json
import re
from typing import Any, Final

import pytest

from tests.clock import HandClock
from tests.docs.pages import DOCS
from yett.app.servers import answer_rules, tool_marks
from yett.authorization.build import build
from yett.authorization.port import Caller, Matter
from yett.authorization.rows import RowPolicies, tools_with_rows
from yett.configuration.load import load_text
from yett.core.predicate import RowRule, Truth
from yett.sanitising.row_judging import Judges, judge_of
from yett.sanitising.rows import RowFilter, read_places

PAGE: Final = (DOCS / "how-to" / "show-some-rows-only.md").read_text("utf-8")
EXAMPLES: Final = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CEDAR: Final = re.findall(r"^```cedar\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]
PLACES: Final = re.findall(r"^\| (.*) \| `(.*)` \|$", PAGE, re.MULTILINE)[1:]
ROW: Final = {"id": 7}
ALL: Final = RowRule((Truth(holds=True),), (), ())


def test_each_example_is_a_configuration_with_rows() -> None:
    for example in EXAMPLES:
        assert tools_with_rows(tool_marks(load_text(example, "yett.yaml")))
    assert len(EXAMPLES) == 2


def test_the_policies_fit_the_first_example_and_say_what_the_page_says() -> None:
    marks = tool_marks(load_text(EXAMPLES[0], "yett.yaml"))
    by = build({"clerk": ()}, {"rows.cedar": CEDAR}, clock=HandClock(), marks=marks)
    matter = Matter("Tool", "crm", "list_customers", "read")
    rule = RowPolicies(by.policies, tools_with_rows(marks)).rule(
        Caller("k", ("clerk",), "acme", "live"), matter
    )
    rows: list[dict[str, Any]] = [
        {"tenant": "acme"},
        {"tenant": "acme", "level": 2},
        {"tenant": "acme", "level": 3},
        {"tenant": "acme", "level": "3"},
        {"tenant": "globex"},
        {},
    ]

    assert judge_of(rule)(rows) == [True, True, False, None, False, None]


def test_fields_are_hidden_as_the_first_example_says() -> None:
    rules = answer_rules(load_text(EXAMPLES[0], "yett.yaml"))["crm/list_customers"]
    assert rules.rows is not None
    customer = {"id": 7, "ssn": "1", "address": {"street": "x", "town": "y"}}
    result = {"content": [], "structuredContent": {"customers": [customer]}}
    shown, _ = RowFilter(rules.rows, Judges()).result(result, ALL)

    assert shown["structuredContent"] == {"customers": [{"id": 7, "address": {"town": "y"}}]}


@pytest.mark.parametrize(("what", "at"), PLACES)
def test_rows_are_found_where_the_page_says(what: str, at: str) -> None:
    written = re.findall(r"`([\[{].*)`", what)[0].replace(", …]", "]").replace("…", '"id": 7')
    document = json.loads(written)
    pointer = json.loads(at) if at.startswith('"') else at
    result: dict[str, Any] = (
        {"content": [], "structuredContent": document}
        if pointer.startswith("/structuredContent")
        else {"content": [{"type": "text", "text": written}]}
    )
    rows = RowFilter(read_places([pointer], (), text=True, at_most=None), Judges())
    shown, findings = rows.result(result, ALL)

    assert json.loads(shown["content"][0]["text"]) == document
    assert findings == ()
    nothing, _ = rows.result(result, None)
    assert '"id"' not in json.dumps(nothing)


def test_the_table_of_places_was_found() -> None:
    assert len(PLACES) == 6
