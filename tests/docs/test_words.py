"""The page that says where what is names every file there is, and no other."""

import re
from typing import Final

from tests.docs.pages import PAGES, ROOT

PAGE: Final = PAGES["docs/explanation/words.md"]
SOURCE: Final = ROOT / "src" / "yett"
BACK: Final = PAGE.index("## At the back")


def files(*folders: str) -> set[str]:
    found = {path.name for folder in folders for path in (SOURCE / folder).glob("*.py")}
    return found - {"__init__.py"}


def named(text: str) -> set[str]:
    return set(re.findall(r"`([a-z_]+\.py)`", text))


def test_the_front_is_named_whole() -> None:
    front = PAGE[PAGE.index("## At the front") : BACK]

    assert named(front) == files("edge/mcp")


def test_the_back_is_named_whole() -> None:
    backends = ("http", "stdio", "sql")
    folders = ("upstreams", *(f"upstreams/backends/{name}" for name in backends))

    assert named(PAGE[BACK:]) == files(*folders)


def test_each_transport_has_its_files_in_its_own_column() -> None:
    rows = [row.split("|") for row in PAGE[BACK:].splitlines() if row.startswith("| ")]

    for column, folder in ((2, "http"), (3, "stdio")):
        assert named("".join(row[column] for row in rows)) == files(f"upstreams/backends/{folder}")


def test_files_of_the_core_that_it_names_are_there() -> None:
    for path in re.findall(r"`((?:core|upstreams)/[a-z_]+\.py)`", PAGE):
        assert (SOURCE / path).is_file(), path
