"""What the page about guards says is what the gate does."""

import re
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import yaml

from yett.app.servers import argument_rules
from yett.configuration.load import load_text
from yett.validation.build import build_guardings
from yett.validation.config import Arguments, ShortKind
from yett.validation.kinds.build import guarding_of

PAGE: Final = (Path(__file__).parents[2] / "docs/how-to/guard-arguments.md").read_text("utf-8")
EXAMPLES: Final = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ROWS: Final = re.findall(r"^\| `(\w+)` \| .* \| `(.*)` \|$", PAGE, re.MULTILINE)


def test_each_example_is_a_configuration() -> None:
    assert EXAMPLES
    for example in EXAMPLES:
        assert build_guardings(argument_rules(load_text(example, "yett.yaml")))


def test_each_kind_has_a_row_whose_example_is_one() -> None:
    assert sorted(kind for kind, _ in ROWS) == sorted(get_args(ShortKind))
    for kind, written in ROWS:
        value: Any = yaml.safe_load(written)
        assert (value if isinstance(value, str) else value["kind"]) == kind
        guarding, problems = guarding_of(msgspec.convert({"it": value}, Arguments))
        assert not problems
        assert bool(guarding.guards or guarding.forced) == (kind != "text")
