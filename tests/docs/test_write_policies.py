"""The page about policies: its Cedar is good Cedar, and it names all that a condition can look at."""

import re

from tests.clock import HandClock
from tests.docs.pages import PAGES
from yett.authorization.build import build
from yett.authorization.conditions import CONTEXT_NAMES

PAGE = PAGES["docs/how-to/write-policies.md"]


def test_its_policies_can_be_used() -> None:
    blocks = [block for block in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) if " (principal" in block]  # fmt: skip
    gate = build({"writer": ()}, {"x.cedar": "\n".join(blocks)}, clock=HandClock())

    assert len(gate.policies) >= 3


def test_it_names_everything_that_a_condition_can_look_at() -> None:
    table = PAGE[PAGE.index("## What a condition can look at") : PAGE.index("## What is checked")]

    assert [name for name in sorted(CONTEXT_NAMES) if not re.search(rf"\b{name}\b", table)] == []
