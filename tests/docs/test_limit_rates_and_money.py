"""The examples of the page about limits are configurations that the gate takes."""

import re
from typing import Final

import pytest

from tests.clock import HandClock
from tests.docs.pages import DOCS
from yett.app.servers import server_limits, tool_limits
from yett.configuration.load import load_text
from yett.limits.build import build, memory_state

PAGE: Final = (DOCS / "how-to" / "limit-rates-and-money.md").read_text("utf-8")
EXAMPLES: Final = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_each_example_is_taken(text: str) -> None:
    configuration = load_text(text, "yett.yaml")
    limiter = build(
        configuration.limits,
        tool_limits(configuration),
        server_limits(configuration),
        state=memory_state(HandClock()),
    )

    assert limiter.rules.currency == "USD"


def test_there_are_some() -> None:
    assert len(EXAMPLES) == 4
