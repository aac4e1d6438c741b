"""A promise is worth the tests that try to break it: each test that a page names exists."""

import ast
import re
from typing import Final

from tests.docs.pages import PAGES, ROOT

TEXT: Final = PAGES["docs/guarantees.md"]
NAMED: Final = [
    named
    for text in PAGES.values()
    for named in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
]


def test_each_named_test_exists() -> None:
    missing = [
        f"{path}::{name}"
        for path, name in NAMED
        if not (ROOT / path).exists() or (name and name not in _tests_in(path))
    ]

    assert len(NAMED) >= 14
    assert missing == []


def test_each_promise_has_a_status_and_what_is_kept_has_a_test() -> None:
    sections = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
    promises = [section for section in sections if re.match(r"\d+\. ", section)]

    assert len(promises) == 14
    for promise in promises:
        status = re.search(r"^\*\*(Promised|Partly|Not yet)\b", promise, re.MULTILINE)
        assert status, promise[:60]
        assert status[1] == "Not yet" or re.search(r"`tests/[\w/]+\.py::\w+`", promise), promise[
            :60
        ]


def _tests_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
