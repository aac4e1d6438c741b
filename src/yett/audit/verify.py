"""Is the log what was written? Walks the whole chain, and compares its tree with what was signed. Pure.

What the chain shows: a line that was edited, deleted, repeated, moved or cut; a segment that was removed or
replaced; a tail that was cut off while the note beside the log (`head`) was forgotten. What only a
checkpoint kept elsewhere shows: that the tail *and* the note were rolled back together, or that the whole
log was written anew.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Final, final

import msgspec

from yett.audit.port import AuditSource, LogLine, Tip
from yett.audit.proof.tree import HASH_BYTES, Frontier
from yett.audit.walking import Anchor, Checked, Damage, Pruned, Walk, check_segment

_PROGRESS_LINES: Final = 4096
_PARALLEL_BYTES: Final = 32 * 1024 * 1024
"""Beginning to work in several processes takes a quarter of a second."""


@final
class Verdict(msgspec.Struct, frozen=True):
    """records: good ones; the two lines of a call are one. lines: good ones, each with its sequence,
    from first to last. head: whether the note beside the
    log agrees (None: there is no such note). checkpoints: how many it was compared with, and agreed;
    anchored: the sequence up to which the last of them vouches. pruned: what the log says of its own that is
    gone; its leaf hashes are all that is left of it. damage: the first; None means the log is whole.
    """

    records: int
    lines: int
    segments: int
    first: int
    last: int
    chain: str
    head: bool | None
    checkpoints: int
    anchored: int
    pruned: tuple[Pruned, ...]
    damage: Damage | None


def verify(
    source: AuditSource,
    progress: Callable[[int], None] | None = None,
    *,
    anchors: Iterable[Anchor] = (),
    workers: int = 1,
) -> Verdict:
    """Walk the chain to its end or to the first damage.

    progress: called now and then with the number of bytes walked since the last time. anchors: in any
    order. workers: processes that may work at it.

    Raises:
        OSError: the log cannot be read.
    """
    live = source.is_live()
    head = source.head()
    walk = Walk(head)
    grove = _Grove(anchors)
    report = progress or (lambda _bytes: None)
    damage = grove.begin(source)
    with _judging(source, head, workers, with_leaves=grove.is_wanted) as judge:
        for name, checked in judge:
            if damage is not None:
                break
            if checked is not None and walk.accept(name, checked):
                report(checked.bytes)
            else:
                damage = _walk_lines(source, name, walk, report, live=live)
            damage = grove.grow(walk) or damage
    return _verdict(walk, grove, damage or walk.end() or grove.end(walk))


def _walk_lines(
    source: AuditSource, segment: str, walk: Walk, report: Callable[[int], None], *, live: bool
) -> Damage | None:
    unreported = 0
    for count, line in enumerate(source.lines(segment), 1):
        if not line.complete:
            if live or source.is_live():  # being written at this moment
                break
            return walk.torn(line)
        damage = walk.take(line)
        if damage is not None:
            return damage
        unreported += len(line.data) + 1
        if count % _PROGRESS_LINES == 0:
            report(unreported)
            unreported = 0
    report(unreported)
    return None


@contextmanager
def _judging(
    source: AuditSource, head: Tip | None, workers: int, *, with_leaves: bool
) -> Iterator[Iterator[tuple[str, Checked | None]]]:
    """Give the segments with what is found in each by itself, oldest first; those too that begin meanwhile."""
    judge = partial(check_segment, source, head=head, with_leaves=with_leaves)
    total = sum(map(source.size, source.segments()))
    if workers < 2 or total < _PARALLEL_BYTES:  # noqa: PLR2004 - one is this process
        yield ((name, judge(name)) for name in _all_segments(source))
        return
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawning) as pool:
        yield _in_order(pool, judge, _all_segments(source), workers)
        pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor,
    judge: Callable[[str], Checked | None],
    names: Iterator[str],
    workers: int,
) -> Iterator[tuple[str, Checked | None]]:
    """Keep every worker busy, and no more results waiting than there are workers."""
    waiting = []
    for name in names:
        waiting.append((name, pool.submit(judge, name)))
        if len(waiting) > workers:
            first, future = waiting.pop(0)
            yield first, future.result()
    for name, future in waiting:
        yield name, future.result()


def _all_segments(source: AuditSource) -> Iterator[str]:
    seen: set[str] = set()
    while fresh := [name for name in source.segments() if name not in seen]:
        seen.update(fresh)
        yield from fresh


@final
class _Grove:
    """The tree of the log as far as it was walked, held against what was signed."""

    def __init__(self, anchors: Iterable[Anchor]) -> None:
        self._anchors: Sequence[Anchor] = sorted(anchors, key=lambda anchor: anchor.size)
        self._frontier = Frontier()
        self.is_wanted = bool(self._anchors)
        self.met = self.anchored = 0

    def begin(self, source: AuditSource) -> Damage | None:
        """Take what stayed of segments that are gone."""
        if not self.is_wanted:
            return None
        for first, leaves in source.kept_leaves():
            if first != self._frontier.size + 1:
                text = f"the leaf hashes from record {self._frontier.size + 1} on are missing"
                return Damage("checkpoint", "", 0, self._frontier.size + 1, text)
            damage = self._add(leaves)
            if damage is not None:
                return damage
        return None

    def grow(self, walk: Walk) -> Damage | None:
        leaves = walk.take_leaves()
        if not (self.is_wanted and leaves and walk.tip):
            return None
        first = walk.tip.sequence - len(leaves) // HASH_BYTES + 1
        if first != self._frontier.size + 1:
            if walk.beginning is not None and first == walk.first:
                text = f"no leaf hashes stayed of records {self._frontier.size + 1} to {first - 1}"
                return Damage("checkpoint", "", 0, self._frontier.size + 1, text)
            return Damage("checkpoint", "", 0, first, "the leaf hashes that stayed overlap the log")
        return self._add(leaves)

    def end(self, walk: Walk) -> Damage | None:
        """Judge the checkpoints that the log did not reach."""
        last = 0 if walk.tip is None else walk.tip.sequence
        if self.met < len(self._anchors):
            anchor = self._anchors[self.met]
            text = f"{anchor.place} says the log had {anchor.size} records; what followed {last} is gone"
            return Damage("checkpoint", "", 0, last + 1, text)
        return None

    def _add(self, leaves: bytes) -> Damage | None:
        at = 0
        while self.met < len(self._anchors):
            anchor = self._anchors[self.met]
            end = (anchor.size - self._frontier.size) * HASH_BYTES + at
            if end > len(leaves):
                break
            self._frontier.extend(leaves[at:end])
            at = end
            if self._frontier.root() != anchor.root:
                text = (
                    f"{anchor.place} has another root for the first {anchor.size} records: something in "
                    f"{self.anchored + 1} to {anchor.size} is not what was signed"
                )
                return Damage("checkpoint", "", 0, self.anchored + 1, text)
            self.met += 1
            self.anchored = anchor.size
        self._frontier.extend(leaves[at:])
        return None


def _verdict(walk: Walk, grove: _Grove, damage: Damage | None) -> Verdict:
    tip = walk.tip
    return Verdict(
        records=walk.records,
        lines=walk.lines,
        segments=walk.segments,
        first=walk.first,
        last=0 if tip is None else tip.sequence,
        chain="" if tip is None else tip.chain.hex(),
        head=None if walk.head is None else walk.is_head_met,
        checkpoints=grove.met,
        anchored=grove.anchored,
        pruned=tuple(walk.pruned),
        damage=damage,
    )


__all__ = ["Anchor", "Damage", "LogLine", "Pruned", "Verdict", "verify"]
