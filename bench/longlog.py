"""A long audit log, made of two lines that a gate wrote: as many records as one likes, in one chain."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from yett.audit.backends.directory import find_end, segment_name
from yett.audit.chain import END, LEAF, MARK

_SEGMENT_BYTES: Final = 64 * 1024 * 1024
_BLOCK_LINES: Final = 10_000
_SEQUENCE: Final = re.compile(rb'^\{"sequence":[0-9]+,')
_INTENT: Final = re.compile(rb'"intent":[0-9]+')
_PREVIOUS: Final = re.compile(rb'"previous_sequence":[0-9]+,"previous_chain":"[0-9a-f]{64}"')


def extend(directory: Path, records: int) -> None:
    """Append so many pairs of an intent and an outcome to the log of a gate that does not run.

    The lines differ in sequence and chain alone. New segments begin as those of the gate do.
    """
    end = find_end(directory)
    assert end.segment is not None
    assert end.tip is not None
    lines = (directory / end.segment).read_bytes().splitlines()
    opening = _PREVIOUS.split(_members(next(line for line in lines if b'"previous_chain"' in line)))
    outcome = next(line for line in reversed(lines) if b'"kind":"outcome"' in line)
    intent = next(line for line in reversed(lines) if b'"kind":"intent"' in line)
    pair = (_members(intent), _INTENT.split(_members(outcome)))
    sequence, chain = end.tip.sequence, end.tip.chain
    written = 0
    while written < records:
        here = min(records - written, _SEGMENT_BYTES // (len(intent) + len(outcome)))
        begin = opening[0] + b'"previous_sequence":%d,"previous_chain":"%b"' % (sequence, chain.hex().encode()) + opening[1]  # fmt: skip
        with (directory / segment_name(sequence + 1)).open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            sequence, chain = _write(file, sequence, chain, [begin])
            sequence, chain = _write(file, sequence, chain, _pairs(pair, sequence, here))
        written += here
    (directory / "head").write_bytes(b"%018d %b\n" % (sequence, chain.hex().encode()))


def _members(line: bytes) -> bytes:
    return _SEQUENCE.sub(b"", line[: line.rindex(MARK)])


def _pairs(pair: tuple[bytes, list[bytes]], sequence: int, count: int) -> Iterator[bytes]:
    intent, outcome = pair
    for number in range(sequence + 1, sequence + 2 * count + 1, 2):
        yield intent
        yield outcome[0] + b'"intent":%d' % number + outcome[1]


def _write(
    file: BinaryIO, sequence: int, chain: bytes, members: Iterator[bytes] | list[bytes]
) -> tuple[int, bytes]:
    block: list[bytes] = []
    for item in members:
        sequence += 1
        text = b'{"sequence":%d,%b' % (sequence, item)
        chain = sha256(LEAF + chain + text).digest()
        block.append(text + MARK + chain.hex().encode() + END)
        if len(block) == _BLOCK_LINES:
            file.writelines(block)
            block.clear()
    file.writelines(block)
    return sequence, chain
