"""Every page leads where it says, and speaks of no machine of ours."""

import re
from typing import Final

import pytest

from tests.docs.pages import DOCS, PAGES, ROOT

LINK: Final = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")
CODE: Final = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
HEADING: Final = re.compile(r"^#+ +(.+)$", re.MULTILINE)
MACHINE: Final = re.compile(r"(?<![\w.])/(work|home|root|Users|tmp|mnt)/")


@pytest.mark.parametrize("name", PAGES)
def test_every_relative_link_leads_to_a_file_and_a_heading_that_exist(name: str) -> None:
    broken = []
    for link in LINK.findall(CODE.sub("", PAGES[name])):
        path, _, heading = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        if not target.exists() or (heading and heading not in _anchors(target.read_text("utf-8"))):
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize("name", PAGES)
def test_no_page_speaks_of_a_machine_of_ours(name: str) -> None:
    assert MACHINE.findall(PAGES[name]) == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, ahead = set(), ["README.md"]
    while ahead:
        name = ahead.pop()
        if name in reached or name not in PAGES:
            continue
        reached.add(name)
        folder = (ROOT / name).parent
        for link in LINK.findall(CODE.sub("", PAGES[name])):
            target = (folder / link.partition("#")[0]).resolve()
            if target.is_relative_to(ROOT):
                ahead.append(str(target.relative_to(ROOT)))

    written = {name for name in PAGES if (ROOT / name).is_relative_to(DOCS)}
    assert written - reached == set()


def _anchors(text: str) -> set[str]:
    """Headings as forges name them: lower case, without marks, hyphens for spaces."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(text)
    }
