"""Third-party modules per package are a checked-in list, so that a new import is a topic of review.

After a change that is meant: `python -m tests.architecture.test_dependencies > tests/architecture/dependencies.txt`.
"""

import ast
import sys
from pathlib import Path

from tests.architecture.source import TREES

LIST = Path(__file__).with_name("dependencies.txt")


def third_parties() -> str:
    """Return one line per package: its name and what it imports from outside the standard library."""
    found: dict[str, set[str]] = {}
    for name, tree in TREES.items():
        package = name.split("/", 1)[0].removesuffix(".py")
        for node in ast.walk(tree):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules = [node.module]
            for module in modules:
                top = module.split(".", 1)[0]
                if top != "yett" and top not in sys.stdlib_module_names:
                    found.setdefault(package, set()).add(top)
    return "".join(f"{package}: {' '.join(sorted(found[package]))}\n" for package in sorted(found))


def test_the_list_of_third_parties_is_current() -> None:
    assert third_parties() == LIST.read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.stdout.write(third_parties())
