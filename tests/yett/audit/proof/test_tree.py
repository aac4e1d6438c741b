"""The Merkle tree of RFC 6962: known roots, and every proof of every small tree."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yett.audit.proof.tree import (
    EMPTY_ROOT,
    Frontier,
    Tree,
    is_consistent,
    piece_root,
    root_from_inclusion,
)

# The inputs and roots that implementations of Certificate Transparency share as test vectors.
ENTRIES = tuple(
    map(
        bytes.fromhex,
        (
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ),
    )
)
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
LEAVES = b"".join(sha256(b"\0" + entry).digest() for entry in ENTRIES)
MANY = b"".join(sha256(b"%d" % number).digest() for number in range(9_000))


def tree_of(leaves: bytes) -> Tree:
    return Tree(lambda low, high: leaves[low * 32 : high * 32])


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots_come_out(size: int) -> None:
    frontier = Frontier()
    frontier.extend(LEAVES[: size * 32])

    assert frontier.root().hex() == ROOTS[size]
    assert tree_of(LEAVES).root(size).hex() == ROOTS[size]


def test_a_published_path_comes_out() -> None:
    path = tree_of(LEAVES).inclusion(5, 8)

    assert [node.hex() for node in path] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@pytest.mark.parametrize("size", range(1, 34))
def test_every_leaf_of_every_small_tree_is_proved_and_nothing_else(size: int) -> None:
    tree, root = tree_of(MANY), piece_root(MANY[: size * 32])
    for index in range(size):
        path = tree.inclusion(index, size)
        leaf, other = MANY[index * 32 : index * 32 + 32], MANY[-32:]
        assert root_from_inclusion(leaf, index, size, path) == root
        assert root_from_inclusion(other, index, size, path) != root
        assert root_from_inclusion(leaf, (index + 1) % size, size, path) != root or size == 1
        assert root_from_inclusion(leaf, index, size, [*path, other]) != root
        assert not path or root_from_inclusion(leaf, index, size, path[:-1]) != root


@pytest.mark.parametrize("new", range(20))
def test_every_small_tree_is_a_beginning_of_those_that_follow(new: int) -> None:
    tree = tree_of(MANY)
    for old in range(new + 1):
        path, roots = tree.consistency(old, new), (tree.root(old), tree.root(new))
        assert is_consistent(old, roots[0], new, roots[1], path)
        assert not is_consistent(old, bytes(32), new, roots[1], path)
        assert not is_consistent(old, roots[0], new, bytes(32), path) or old == 0
        assert not is_consistent(old, roots[0], new, roots[1], [*path, bytes(32)])
        assert not is_consistent(old, roots[0], new, roots[1], path[1:]) or not path


@given(st.lists(st.integers(0, 3_000), max_size=5))
def test_however_it_grew_the_root_is_the_same(steps: list[int]) -> None:
    frontier, size = Frontier(), 0
    for step in steps:
        step = min(step, 9_000 - size)  # noqa: PLW2901 - no more leaves than there are
        frontier.extend(MANY[size * 32 : (size + step) * 32])
        size += step
        frontier = Frontier(frontier.size, tuple(frontier.nodes))

    assert frontier.size == size
    assert frontier.root() == tree_of(MANY).root(size)


def test_what_is_no_tree_is_refused() -> None:
    tree = tree_of(MANY)
    assert tree.root(0) == EMPTY_ROOT
    for index, size in ((-1, 3), (3, 3)):
        with pytest.raises(ValueError, match="no leaf"):
            tree.inclusion(index, size)
        assert root_from_inclusion(bytes(32), index, size, []) is None
    with pytest.raises(ValueError, match="cannot have begun"):
        tree.consistency(4, 3)
    with pytest.raises(ValueError, match="no tree of this size"):
        Frontier(3, (bytes(32),))
