"""Proofs that single records are in the log that was signed (C2SP tlog-proof)."""

import base64
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final, final

import msgspec
import orjson

from yett.audit.chain import FORMAT, LEAF, unseal
from yett.audit.port import AuditSource
from yett.audit.proof.note import Checkpoint
from yett.audit.proof.tree import Tree, root_from_inclusion

_HEADER: Final = "c2sp.org/tlog-proof@v1"
_SEQUENCE: Final = re.compile(r"[1-9][0-9]{0,17}")


class NotProved(Exception):
    """There can be no proof, or not yet. The message says why."""


@final
class ProvedLine(msgspec.Struct, frozen=True):
    """line: as it is stored, without its newline. previous: the chain value before it."""

    sequence: int
    line: bytes
    previous: bytes


def lines_of(source: AuditSource, record: str) -> Iterator[ProvedLine]:
    """Yield the lines of a record: `record` is its id, or the sequence of one line.

    Raises:
        NotProved: it lies in a part that cannot be proved in this way.
        OSError: the log cannot be read.
    """
    is_sequence = _SEQUENCE.fullmatch(record) is not None
    mark = b'{"sequence":%d,' % int(record) if is_sequence else b'"id":%b' % orjson.dumps(record)
    for segment in source.segments():
        previous = b""
        format_ = FORMAT
        for block in source.blocks(segment):
            lines = block.splitlines()
            if not previous:
                begin = orjson.loads(lines[0])
                previous, format_ = bytes.fromhex(begin["previous_chain"]), begin.get("format")
            if mark in block:
                yield from _found(lines, mark, previous, format_, is_sequence=is_sequence)
            opened = unseal(lines[-1])
            if opened is None:
                break  # being written
            previous = opened[1].chain


def _found(
    lines: list[bytes], mark: bytes, previous: bytes, format_: int, *, is_sequence: bool
) -> Iterator[ProvedLine]:
    for line in lines:
        opened = unseal(line)
        if opened is None:
            return
        text, tip = opened
        if text.startswith(mark) if is_sequence else mark in text and _has_id(text, mark):
            if format_ != FORMAT:
                raise NotProved("it was written by an earlier version, whose lines have no proofs")
            yield ProvedLine(tip.sequence, line, previous)
        previous = tip.chain


def _has_id(text: bytes, mark: bytes) -> bool:
    """Tell whether the record's own id stands there, not something that a caller sent."""
    members = orjson.loads(text + b"}")
    return b'"id":%b' % orjson.dumps(members.get("id")) == mark


def inclusion_proof(found: ProvedLine, tree: Tree, checkpoints: Sequence[Checkpoint]) -> str:
    """Return the proof of one line in the smallest checkpoint that covers it. Beside what the format asks for,
    `extra` holds the line and the chain value before it, so that the proof needs nothing else.

    Raises:
        NotProved: no checkpoint covers it, or the log is not what was signed.
    """
    covering = [checkpoint for checkpoint in checkpoints if checkpoint.size >= found.sequence]
    if not covering:
        raise NotProved(
            f"record {found.sequence} was not signed yet. `yett audit checkpoint` does so now"
        )
    checkpoint = min(covering, key=lambda item: item.size)
    index = found.sequence - 1
    path = tree.inclusion(index, checkpoint.size)
    opened = unseal(found.line)
    text = b"" if opened is None else opened[0]
    leaf = sha256(LEAF + found.previous + text).digest()
    if root_from_inclusion(leaf, index, checkpoint.size, path) != checkpoint.root:
        raise NotProved(
            f"record {found.sequence} is not what was signed. `yett audit verify` says where the log breaks"
        )
    extra = orjson.dumps({"previous": found.previous.hex(), "line": found.line.decode()})
    lines = [_HEADER, f"extra {_encode(extra)}", f"index {index}", *map(_encode, path)]
    return "\n".join(lines) + f"\n\n{checkpoint.note}"


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
