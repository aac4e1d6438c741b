"""The Merkle tree over the log's lines (RFC 6962, section 2). Pure.

Hashes are 32 bytes. A leaf is a line's chain value, which has the form of a leaf hash already; its index
is the line's sequence less one.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Final, final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
_NODE: Final = b"\1"
_PIECE_LEAVES: Final = 4_096
"""Hashed level by level in one go; larger trees are put together from such pieces."""

Leaves = Callable[[int, int], bytes]
"""(from, to) → the leaf hashes from index `from` up to and without `to`, one behind the other."""


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()


def piece_root(leaves: bytes) -> bytes:
    """Return the root over `leaves`, one or more, joined. Pairing level by level, the odd one moving up,
    gives the tree that RFC 6962 defines by splitting."""
    row = [leaves[at : at + HASH_BYTES] for at in range(0, len(leaves), HASH_BYTES)]
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=False)
        odd = row[-1:] if len(row) % 2 else []
        row = [sha256(_NODE + left + right).digest() for left, right in pairs]
        row += odd
    return row[0]


@final
class Frontier:
    """The tree so far, as the roots of its perfect subtrees from left to right: enough to go on and to
    know the root, whatever the size. nodes: one for each bit of `size` that is set, highest first."""

    __slots__ = ("nodes", "size")

    def __init__(self, size: int = 0, nodes: tuple[bytes, ...] = ()) -> None:
        if len(nodes) != size.bit_count():
            raise ValueError("that many nodes belong to no tree of this size")
        self.size = size
        self.nodes = list(nodes)

    def extend(self, leaves: bytes) -> None:
        """Add leaf hashes, joined."""
        at, end = 0, len(leaves) // HASH_BYTES
        while at < end:
            # The largest perfect subtree that begins here and fits.
            aligned = self.size & -self.size or _PIECE_LEAVES
            count = min(aligned, _PIECE_LEAVES, 1 << ((end - at).bit_length() - 1))
            self._push(piece_root(leaves[at * HASH_BYTES : (at + count) * HASH_BYTES]), count)
            at += count

    def root(self) -> bytes:
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for left in reversed(self.nodes[:-1]):
            root = node_hash(left, root)
        return root

    def copy(self) -> "Frontier":
        return Frontier(self.size, tuple(self.nodes))

    def _push(self, root: bytes, count: int) -> None:
        while self.size & count:
            root = node_hash(self.nodes.pop(), root)
            self.size -= count
            count *= 2
        self.nodes.append(root)
        self.size += count


@final
class Tree:
    """Proofs over leaves that are read when they are needed."""

    def __init__(self, leaves: Leaves) -> None:
        self._leaves = leaves
        self._known: dict[tuple[int, int], bytes] = {}

    def root(self, size: int) -> bytes:
        return self._hash(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return the path from the leaf's sibling upwards (RFC 6962, section 2.1.1).

        Raises:
            ValueError: there is no such leaf.
        """
        if not 0 <= index < size:
            raise ValueError(f"a tree of {size} has no leaf {index}")
        return self._path(index, 0, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the first tree is a beginning of the second (RFC 6962, section 2.1.2).

        Raises:
            ValueError: the first is the larger one.
        """
        if not 0 <= old <= new:
            raise ValueError(f"a tree of {new} cannot have begun with {old}")
        return self._subproof(old, 0, new, whole=True) if 0 < old < new else []

    def _path(self, index: int, low: int, high: int) -> list[bytes]:
        if high - low == 1:
            return []
        middle = low + _split(high - low)
        if index < middle:
            return [*self._path(index, low, middle), self._hash(middle, high)]
        return [*self._path(index, middle, high), self._hash(low, middle)]

    def _subproof(self, old: int, low: int, high: int, *, whole: bool) -> list[bytes]:
        if old == high:
            return [] if whole else [self._hash(low, high)]
        middle = low + _split(high - low)
        if old <= middle:
            return [*self._subproof(old, low, middle, whole=whole), self._hash(middle, high)]
        return [*self._subproof(old, middle, high, whole=False), self._hash(low, middle)]

    def _hash(self, low: int, high: int) -> bytes:
        known = self._known.get((low, high))
        if known is None:
            if high - low <= _PIECE_LEAVES:
                known = piece_root(self._leaves(low, high))
            else:
                middle = low + _split(high - low)
                known = node_hash(self._hash(low, middle), self._hash(middle, high))
            self._known[low, high] = known
        return known


def root_from_inclusion(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """Return the root that `path` leads to (RFC 9162, section 2.1.3.2); None if it has a wrong length."""
    if not 0 <= index < size:
        return None
    root, place, last = leaf, index, size - 1
    for sibling in path:
        if last == 0:
            return None
        if place % 2 or place == last:
            root = node_hash(sibling, root)
            while not place % 2 and place:
                place, last = place >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        place, last = place >> 1, last >> 1
    return root if last == 0 else None


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, path: list[bytes]) -> bool:
    """Tell whether `path` proves that the tree of `old` leaves is a beginning of that of `new`
    (RFC 9162, section 2.1.4.2)."""
    if old == new:
        return not path and old_root == new_root
    if old == 0:
        return not path and old_root == EMPTY_ROOT
    if not 0 < old < new or not path:
        return False
    steps = path if old & (old - 1) else [old_root, *path]
    place, last = old - 1, new - 1
    while place % 2:
        place, last = place >> 1, last >> 1
    first = second = steps[0]
    for node in steps[1:]:
        if last == 0:
            return False
        if place % 2 or place == last:
            first, second = node_hash(node, first), node_hash(node, second)
            while not place % 2 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node_hash(second, node)
        place, last = place >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)
