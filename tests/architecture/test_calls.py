"""A call that is made of another keeps what is not said anew: with other arguments, what was made of the old ones has to
go (`Call.encoded` is recorded and sent in their place)."""

import ast

from tests.architecture.source import TREES


def test_who_changes_the_arguments_of_a_call_says_how_they_are_encoded() -> None:
    changed = [
        (path, {keyword.arg for keyword in node.keywords})
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("replace")
        and node.args
        and ast.unparse(node.args[0]).endswith("call")
    ]

    assert changed
    assert [
        path for path, names in changed if "arguments" in names and "encoded" not in names
    ] == []
