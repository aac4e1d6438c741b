import pytest

from yett.app.statements import unguarded_statements
from yett.authorization.offers import Offer
from yett.authorization.shapes import Member, Shape
from yett.configuration.load import load_text

TAKES = Shape({"sql": Member("String", required=True)}, open=False)
QUERY = Offer(kind="Tool", server="crm", name="query", access="read", shape=TAKES)


@pytest.mark.parametrize(
    ("section", "found"),
    [
        ('{rows: {at: ""}}', {"crm/query": "sql"}),
        ('{rows: {at: ""}, arguments: {sql: {kind: sql, dialect: postgres}}}', {}),
        ('{rows: {at: ""}, arguments: {sql: sql}}', {}),
        ("{rows: {sql: true}, arguments: {sql: sql}}", {}),
        ("{access: read}", {}),
    ],
)
def test_a_statement_that_is_not_known_to_be_one_is_found(
    section: str, found: dict[str, str]
) -> None:
    text = f"servers: {{crm: {{url: 'https://crm.example.com/mcp', tools: {{query: {section}}}}}}}"

    assert unguarded_statements(load_text(text, "yett.yaml"), [QUERY]) == found


def test_other_tools_are_nothing_to_it() -> None:
    text = "servers: {crm: {url: 'https://crm.example.com/mcp', tools: {list: {rows: {at: ''}}}}}"
    other = Offer(
        kind="Tool", server="crm", name="list", access="read", shape=Shape({}, open=False)
    )

    assert unguarded_statements(load_text(text, "yett.yaml"), [other, QUERY]) == {}
