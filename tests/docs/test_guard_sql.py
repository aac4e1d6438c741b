"""What the page about SQL says is what the gate does."""

import re
from pathlib import Path
from typing import Final, get_args, get_type_hints

import pytest

from yett.app.servers import argument_rules
from yett.configuration.load import load_text
from yett.validation.build import build_guardings
from yett.validation.config import SqlArgument
from yett.validation.kinds.port import Unfit
from yett.validation.kinds.sql import other_tree, postgres_tree
from yett.validation.kinds.sql.build import build_guard
from yett.validation.kinds.sql.text import STATEMENT_BYTES_MAX

PAGE: Final = (Path(__file__).parents[2] / "docs/how-to/guard-sql.md").read_text("utf-8")
EXAMPLES: Final = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
STATEMENTS: Final = re.findall(r"^\| `(.*)` \| (passes|refused)", PAGE, re.MULTILINE)


def test_each_example_is_a_configuration() -> None:
    assert len(EXAMPLES) == 2
    for example in EXAMPLES:
        assert build_guardings(argument_rules(load_text(example, "yett.yaml")))


def test_the_statements_fare_as_it_says() -> None:
    guard = build_guard(SqlArgument())
    for statement, fate in STATEMENTS:
        if fate == "passes":
            assert guard.check(statement, "read") == statement
        else:
            with pytest.raises(Unfit):
                guard.check(statement, "read")
    assert {fate for _, fate in STATEMENTS} == {"passes", "refused"}


def test_it_names_every_dialect_and_the_right_bound() -> None:
    named = PAGE.partition("`dialect` is one of ")[2].partition(".")[0]

    assert set(re.findall(r"`(\w+)`", named)) == set(
        get_args(get_type_hints(SqlArgument)["dialect"])
    )
    assert f"{STATEMENT_BYTES_MAX:,} bytes" in PAGE
    assert f"{postgres_tree.PIECES_MAX:,} words and signs" in PAGE
    assert f"({other_tree.PIECES_MAX:,} in the other dialects)" in PAGE
