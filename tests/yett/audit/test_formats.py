"""A log that an earlier version began, and one that lost its beginning, are still proved."""

import os
from hashlib import sha256
from pathlib import Path

import pytest

from tests.yett.audit.scene import append, open_log
from yett.audit.backends.directory import DirectorySource
from yett.audit.backends.leaves import LeafReader, LeavesMissing, keep
from yett.audit.proof.tree import Tree, piece_root
from yett.audit.verify import verify
from yett.audit.walking import Anchor

AT = '"at":"2026-11-22T13:00:00.000000Z"'
MEMBERS = AT + ',"kind":"own","id":"r"'


def old_line(sequence: int, chain: bytes, members: str) -> tuple[bytes, bytes]:
    text = f'{{"sequence":{sequence},{members}'.encode()
    digest = sha256(chain + text + b"}").digest()
    return text + b',"chain":"%b"}\n' % digest.hex().encode(), digest


def write_old(directory: Path, *, format_: int = 1) -> None:
    """Three lines as format 1 sealed them."""
    directory.mkdir(exist_ok=True)
    chain = bytes(32)
    first = f'{AT},"kind":"segment","format":{format_},"previous_sequence":0,"previous_chain":"{chain.hex()}"'
    lines = []
    for sequence, members in enumerate((first, MEMBERS, MEMBERS), 1):
        line, chain = old_line(sequence, chain, members)
        lines.append(line)
    (directory / "segment-000000000001.jsonl").write_bytes(b"".join(lines))


def anchors_of(directory: Path, *sizes: int) -> list[Anchor]:
    tree = Tree(LeafReader(directory))
    return [Anchor("a copy", size, tree.root(size)) for size in sizes]


def test_a_log_of_the_first_format_goes_on_in_a_new_segment(tmp_path: Path) -> None:
    write_old(tmp_path)

    with open_log(tmp_path) as log:
        append(log, MEMBERS)

    names = sorted(path.name for path in tmp_path.glob("segment-*"))
    assert names == ["segment-000000000001.jsonl", "segment-000000000004.jsonl"]
    verdict = verify(DirectorySource(tmp_path), anchors=anchors_of(tmp_path, 2, 3, 4, 6))
    assert verdict.damage is None
    assert (verdict.checkpoints, verdict.anchored) == (4, 6)


def test_an_edit_in_the_first_format_is_found(tmp_path: Path) -> None:
    write_old(tmp_path)
    path = tmp_path / "segment-000000000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"r"', b'"q"', 1))

    damage = verify(DirectorySource(tmp_path)).damage

    assert damage is not None
    assert (damage.kind, damage.line) == ("altered", 2)


def test_a_format_that_is_not_known_is_named(tmp_path: Path) -> None:
    write_old(tmp_path, format_=3)

    damage = verify(DirectorySource(tmp_path)).damage

    assert damage is not None
    assert "has format 3, which this version does not know" in damage.text


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("segment-*.jsonl"))


@pytest.fixture(name="pruned")
def _pruned(tmp_path: Path) -> tuple[Path, list[Anchor]]:
    """A log whose first two segments were pruned, and what was signed before that."""
    with open_log(tmp_path, segment_bytes=2_500) as log:
        for _ in range(40):
            append(log, MEMBERS)
    anchors = anchors_of(tmp_path, 1, 5, 13, 30, 44)
    for path in segments(tmp_path)[:2]:
        os.utime(path, (0, 0))
    with open_log(tmp_path, segment_bytes=2_500) as log:
        log.prune(4e9)
    return tmp_path, anchors


def test_what_was_pruned_is_still_proved(pruned: tuple[Path, list[Anchor]]) -> None:
    directory, anchors = pruned
    verdict = verify(DirectorySource(directory), anchors=anchors)

    assert verdict.damage is None
    assert verdict.first > 13
    assert verdict.checkpoints == 5


def test_leaves_that_were_changed_or_are_missing_are_found(
    pruned: tuple[Path, list[Anchor]],
) -> None:
    directory, anchors = pruned
    kept = sorted(directory.glob("*.leaves"))
    content = kept[0].read_bytes()
    for wrong in (bytes(32) + content[32:], content[:-32], content + bytes(32), b""):
        kept[0].write_bytes(wrong)
        damage = verify(DirectorySource(directory), anchors=anchors).damage
        assert damage is not None
        assert damage.kind == "checkpoint"
    for path in kept:
        path.unlink()
        damage = verify(DirectorySource(directory), anchors=anchors).damage
        assert damage is not None
        assert damage.kind == "checkpoint"


def test_leaves_are_kept_once_and_of_whole_segments_only(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        append(log, MEMBERS)
    [path] = segments(tmp_path)
    kept = keep(tmp_path, path.name)
    assert keep(tmp_path, path.name) == kept
    assert kept.read_bytes() == LeafReader(tmp_path)(0, 4)
    assert piece_root(kept.read_bytes()) == Tree(LeafReader(tmp_path)).root(4)
    with pytest.raises(LeavesMissing, match="record 5 is missing"):
        LeafReader(tmp_path)(3, 5)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(LeavesMissing, match="damaged"):
        keep(tmp_path, path.name)


def test_leaves_before_the_first_file_are_missing(tmp_path: Path) -> None:
    with pytest.raises(LeavesMissing, match="record 1 is missing"):
        LeafReader(tmp_path)(0, 1)
