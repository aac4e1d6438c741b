"""A proof is minted by its own stage and nowhere else: holding one means that the stage said yes."""

import ast

from tests.architecture.source import TREES

MINT = {
    "Identified": "authentication/stage.py",
    "Resolved": "catalogue/stage.py",
    "Inventory": "catalogue/stage.py",
    "Permitted": "authorization/stage.py",
    "PermittedList": "authorization/stage.py",
    "Validated": "validation/stage.py",
    "Confirmed": "authorization/stage.py",
    "Admitted": "limits/stage.py",
    "Armed": "credentials/stage.py",
    "Answered": "upstreams/stage.py",
    "Cleaned": "sanitising/stage.py",
}
PARTS = {"Credential", "Ask", "Agreement"}  # a value that a proof carries, not a proof


def test_every_proof_has_exactly_one_mint() -> None:
    minted: dict[str, set[str]] = {name: set() for name in MINT}
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                minted.get(node.func.id, set()).add(path)

    assert minted == {name: {home} for name, home in MINT.items()}


def test_the_list_above_is_complete() -> None:
    classes = {n.name for n in TREES["core/proofs.py"].body if isinstance(n, ast.ClassDef)}

    assert classes == MINT.keys() | PARTS


def test_the_pipeline_calls_the_stages_in_the_order_of_the_road() -> None:
    road = [
        "self.authentication.identify",
        "self.catalogue.resolve",
        "self.authorization.permit",
        "self.validation.check",
        "self.validation.look_up",
        "self.authorization.confirm",
        "self.limits.admit",
        "record.intend",
        "self.credentials.arm",
        "self.authorization.use",
        "admission.commit",
        "self.upstreams.send",
        "self.sanitising.clean",
        "self.authorization.remember",
        "admission.settle",
        "record.answer",
    ]
    found = {
        (node.lineno, ast.unparse(node.func if isinstance(node, ast.Call) else node.targets[0]))
        for tree in ast.walk(TREES["pipeline.py"])
        if isinstance(tree, ast.AsyncFunctionDef) and tree.name == "_call"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call | ast.Assign)
    }

    assert [step for _, step in sorted(found) if step in road] == road
