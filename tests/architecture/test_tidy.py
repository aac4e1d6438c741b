"""Rules about the source that no linter has. Limits are hard: an exception is listed with its reason,
and the list fails when an entry is no longer needed."""

import ast
import re

import pytest

from tests.architecture.source import DOMAINS, ROOT, SOURCE, TEXTS, TREES
from yett.core.reasons import WIRE, Reason

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
PIPELINE_LINES_MAX = 140
SUPPRESSION = re.compile(r"#\s*(noqa|type: ignore|pragma)")
EXPLAINED = re.compile(r"(noqa: [A-Z0-9, ]+ - |type: ignore\[[a-z-]+\]\s+# )\S")
WORDS = re.compile(r"(^|_)(utils?|helpers?|common|manager|misc|service)($|_)")


@pytest.mark.parametrize("name", TREES)
def test_a_file_fits_a_sitting_and_a_function_a_screen(name: str) -> None:
    long = [
        node.name
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]

    assert TEXTS[name].count("\n") <= FILE_LINES_MAX
    assert long == []


def test_the_road_fits_two_screens() -> None:
    assert TEXTS["pipeline.py"].count("\n") <= PIPELINE_LINES_MAX


@pytest.mark.parametrize("name", TREES)
def test_every_module_says_what_it_is_for(name: str) -> None:
    assert ast.get_docstring(TREES[name])


@pytest.mark.parametrize("name", TREES)
def test_every_suppression_says_why(name: str) -> None:
    bare = [
        line.strip()
        for line in TEXTS[name].splitlines()
        if SUPPRESSION.search(line) and not EXPLAINED.search(line)
    ]

    assert bare == []


def test_nothing_is_left_for_later_in_the_source() -> None:
    later = [name for name, text in TEXTS.items() if re.search(r"\b(TODO|FIXME|XXX)\b", text)]

    assert later == []


def test_no_module_or_class_has_a_name_that_says_nothing() -> None:
    vague = [name for name in TREES if WORDS.search(name.rsplit("/", 1)[-1].removesuffix(".py"))]
    vague += [
        f"{name}:{node.name}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and re.search(r"(Utils?|Helpers?|Common|Manager|Service)$", node.name)
    ]

    assert vague == []


def test_every_method_of_a_port_says_what_it_raises() -> None:
    silent = [
        f"{name}:{method.name}"
        for name, tree in TREES.items()
        if name.endswith("/port.py")
        for cls in tree.body
        if isinstance(cls, ast.ClassDef) and any(ast.unparse(b) == "Protocol" for b in cls.bases)
        for method in cls.body
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
        and method.name != "close"
        and not any(ast.unparse(decorator) == "property" for decorator in method.decorator_list)
        and not re.search(r"\braises\b", ast.get_docstring(method) or "", re.IGNORECASE)
    ]

    assert silent == []


def test_every_reason_has_a_wire_form() -> None:
    assert WIRE.keys() == set(Reason)


def test_every_domain_has_the_same_shape() -> None:
    for domain in DOMAINS:
        files = {path.stem for path in (SOURCE / domain).iterdir()}
        assert {"__init__", "stage", "config", "build"} <= files, domain


def test_the_repository_names_no_registry_and_no_machine() -> None:
    suspicious = re.compile(
        r"https?://[a-z.]*(pypi|pythonhosted|npmjs|debian)\.(org|com)|/home/|/root/"
    )
    found = [
        str(path.relative_to(ROOT))
        for folder in ("src", "docs", "requirements", "scripts", "bench")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
        and path.suffix in {".py", ".md", ".txt", ".yaml", ".toml"}
        and suspicious.search(path.read_text(encoding="utf-8"))
    ]

    assert found == []
