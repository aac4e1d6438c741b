"""What a stage keeps about a caller and a target is its own: no other may read or set it."""

import ast

from tests.architecture.source import DOMAINS, TREES
from yett.core.standing import Standing

SHARED = {"policies", "principal", "target"}


def uses() -> set[tuple[str, str]]:
    """Return (package, part) of each place where a part of a `standing` is named."""
    found = set()
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("standing"):
                found.add((path.split("/", maxsplit=1)[0], node.attr))
    return found


def test_a_part_is_touched_by_its_own_stage_only() -> None:
    assert {(home, part) for home, part in uses() if part in DOMAINS and part != home} == set()


def test_the_parts_are_named_after_stages() -> None:
    assert set(Standing.__slots__) - SHARED <= set(DOMAINS)


def test_what_is_permitted_without_asking_is_set_by_authorization_only() -> None:
    homes = {
        path
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and ast.unparse(node).endswith("standing.policies")
    }

    assert homes == {"authorization/stage.py"}


def test_only_authorization_makes_one() -> None:
    homes = {
        path
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Standing"
    }

    assert homes == {"authorization/stage.py"}
