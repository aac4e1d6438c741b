"""The page that explains the road shows the road as it is."""

import re
from typing import Final

from tests.docs.pages import PAGES, ROOT

PIPELINE: Final = (ROOT / "src" / "yett" / "pipeline.py").read_text(encoding="utf-8")
BLOCKS: Final = re.findall(r"```python\n(.*?)```", PAGES["docs/explanation/road.md"], re.DOTALL)


def test_the_quoted_code_is_the_file() -> None:
    assert len(BLOCKS) >= 2
    assert [block for block in BLOCKS if block not in PIPELINE] == []


def test_every_line_of_the_call_is_explained() -> None:
    """A step that is added to the road wants its sentence on the page."""
    body = PIPELINE.split("async def _call", 1)[1].split("async def ", 1)[0]
    steps = set(re.findall(r"(?:self|record|admission)\.(?:\w+\.)?(\w+)\(", body))
    text = PAGES["docs/explanation/road.md"]

    assert {step for step in steps if f"**{step}**" not in text} == set()
