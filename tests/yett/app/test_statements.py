import pytest

from yett.app.statements import statement_warnings
from yett.authorization.offers import Offer
from yett.authorization.shapes import Member, Shape
from yett.configuration.load import load_text

TAKES = Shape({"sql": Member("String", required=True)}, open=False)
QUERY = Offer(kind="Tool", server="crm", name="query", access="read", shape=TAKES)
MADE_UP = "they can be made up"
RENAMED = "hides `ssn` by its name"


def warnings(section: str, offer: Offer = QUERY) -> list[str]:
    text = f"servers: {{crm: {{url: 'https://crm.example.com/mcp', tools: {{{offer.name}: {section}}}}}}}"
    return [str(note) for note in statement_warnings(load_text(text, "yett.yaml"), [offer])]


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ('{rows: {at: ""}}', [MADE_UP]),
        ('{rows: {at: "", hide: [ssn]}}', [MADE_UP, RENAMED]),
        ('{rows: {at: "", hide: [ssn]}, arguments: {sql: {kind: sql, dialect: postgres}}}', [RENAMED]),
        ('{rows: {at: ""}, arguments: {sql: sql}}', []),
        ("{rows: {sql: true}, arguments: {sql: sql}}", []),
        ("{access: read}", []),
    ],
)  # fmt: skip
def test_what_a_statement_can_get_round_is_told(section: str, told: list[str]) -> None:
    found = warnings(section)

    assert len(found) == len(told)
    assert all(part in text for part, text in zip(told, found, strict=True))


def test_a_tool_that_takes_no_statement_is_no_matter() -> None:
    shape = Shape({"limit": Member("Long", required=False)}, open=False)
    lists = Offer(kind="Tool", server="crm", name="list", access="read", shape=shape)

    assert warnings('{rows: {at: "", hide: [ssn]}}', lists) == []
