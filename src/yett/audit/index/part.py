"""One file of the index: what stands in one stretch of a segment. Pure; bytes in, bytes out.

    magic (8 bytes) ‖ length and CRC-32 of the summary (4 + 4) ‖ summary ‖ body

The summary (MessagePack) says which stretch of which log this is and where in the body the rest lies: where
each record stands, and the terms in order, in blocks. Each piece has its own CRC-32 and is read only when it is
needed. Records have numbers from 0, in the order in which their last lines stand.
"""

import struct
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Final, TypeVar, final

import msgspec

from yett.audit.words import bits_of

MAGIC: Final = b"yettidx1"
_HEAD: Final = struct.Struct("<8sII")
_BLOCK_TERMS: Final = 256
_DENSE: Final = 32
"""A list of numbers is kept as one bit per record if at least one in so many has the term."""
NOWHERE: Final = 0xFFFF_FFFE
"""There is no intent."""
ELSEWHERE: Final = 0xFFFF_FFFF
"""The intent lies before the stretch."""
_Decoded = TypeVar("_Decoded")
Read = Callable[[int, int], bytes]
"""offset, size → bytes of the file; fewer where it ends."""


class Unusable(Exception):
    """No index, or not of this version, or not of this log, or it is damaged."""


@final
class Piece(msgspec.Struct, frozen=True, array_like=True):
    """Where something lies in the body."""

    offset: int
    size: int
    crc: int


@final
class Summary(msgspec.Struct, frozen=True, array_like=True):
    """begin, end: the bytes of the segment that the whole lines of the stretch take. chain: of the last of
    them, 64 hex digits, by which a stretch of another log is known. first, last: the sequences of its
    lines. earliest, latest: of its records. closed: intents before the stretch whose outcome is in it.
    dangling: (record, sequence) of intents in it whose outcome is not. starts: where each block of
    terms begins."""

    segment: str
    begin: int
    end: int
    chain: str
    first: int
    last: int
    records: int
    earliest: str
    latest: str
    closed: list[int]
    dangling: list[tuple[int, int]]
    lines: Piece
    intents: Piece
    starts: Piece


_encode: Final = msgspec.msgpack.Encoder().encode
_summary: Final = msgspec.msgpack.Decoder(Summary)
_starts: Final = msgspec.msgpack.Decoder(tuple[list[str], list[Piece]])
_block: Final = msgspec.msgpack.Decoder(list[tuple[str, int | bytes]])


@final
class Contents(msgspec.Struct):
    """What a part is made of: for each record where its last line stands, and its intent, in bytes from the
    beginning of the stretch, NOWHERE or ELSEWHERE; and for each term its records, as bits."""

    lines: "array[int]"
    intents: "array[int]"
    terms: dict[str, int]


def pack(summary: Summary, contents: Contents) -> bytes:
    """Return the file. The pieces of `summary` are filled in here."""
    body = bytearray()

    def add(data: bytes) -> Piece:
        body.extend(data)
        return Piece(len(body) - len(data), len(data), zlib.crc32(data))

    lines, intents = add(contents.lines.tobytes()), add(contents.intents.tobytes())
    names = sorted(contents.terms)
    firsts: list[str] = []
    pieces: list[Piece] = []
    for at in range(0, len(names), _BLOCK_TERMS):
        some = names[at : at + _BLOCK_TERMS]
        firsts.append(some[0])
        pieces.append(
            add(_encode([(name, _shrink(contents.terms[name], summary.records)) for name in some]))
        )
    starts = add(_encode((firsts, pieces)))
    told = _encode(msgspec.structs.replace(summary, lines=lines, intents=intents, starts=starts))
    return _HEAD.pack(MAGIC, len(told), zlib.crc32(told)) + told + body


@final
class Part:
    """A part as it is read. Every method raises Unusable if what it needs is damaged."""

    def __init__(self, read: Read) -> None:
        self._read = read
        head = read(0, _HEAD.size)
        if len(head) < _HEAD.size:
            raise Unusable("too short")
        magic, size, crc = _HEAD.unpack(head)
        if magic != MAGIC:
            raise Unusable("no index of this version")
        told = read(_HEAD.size, size)
        if len(told) != size or zlib.crc32(told) != crc:
            raise Unusable("damaged")
        try:
            self.summary: Final = _summary.decode(told)
        except msgspec.DecodeError as error:
            raise Unusable("damaged") from error
        self._body = _HEAD.size + size
        self._places: tuple[array[int], array[int]] | None = None
        self._directory: tuple[list[str], list[Piece]] | None = None

    def all_records(self) -> int:
        """Return every record, as bits."""
        return (1 << self.summary.records) - 1

    def find(self, term: str) -> int:
        """Return the records that have the term, as bits."""
        starts, _ = self._starts()
        at = bisect_right(starts, term) - 1
        if at < 0:
            return 0
        for name, numbers in self._terms(at):
            if name == term:
                return _bits(numbers)
        return 0

    def find_prefix(self, prefix: str) -> int:
        """Return the records that have a term that begins so, as bits."""
        starts, _ = self._starts()
        found = 0
        for at in range(max(0, bisect_right(starts, prefix) - 1), len(starts)):
            for name, numbers in self._terms(at):
                if name.startswith(prefix):
                    found |= _bits(numbers)
                elif name > prefix:
                    return found
        return found

    def place(self, record: int) -> tuple[int, int]:
        """Return where in the segment the record's last line begins, and its intent: NOWHERE if it has
        none, ELSEWHERE if that lies before the stretch."""
        if self._places is None:
            self._places = self._array(self.summary.lines), self._array(self.summary.intents)
        lines, intents = self._places
        begin, intent = self.summary.begin, intents[record]
        return begin + lines[record], intent if intent >= NOWHERE else begin + intent

    def _array(self, piece: Piece) -> "array[int]":
        data = self._piece(piece)
        if len(data) != 4 * self.summary.records:
            raise Unusable("damaged")
        found = array("I")
        found.frombytes(data)
        return found

    def _starts(self) -> tuple[list[str], list[Piece]]:
        if self._directory is None:
            self._directory = self._decode(_starts, self.summary.starts)
        return self._directory

    def _terms(self, block: int) -> list[tuple[str, int | bytes]]:
        _, pieces = self._starts()
        return self._decode(_block, pieces[block])

    def _decode(self, decoder: "msgspec.msgpack.Decoder[_Decoded]", piece: Piece) -> "_Decoded":
        try:
            return decoder.decode(self._piece(piece))
        except msgspec.DecodeError as error:
            raise Unusable("damaged") from error

    def _piece(self, piece: Piece) -> bytes:
        data = self._read(self._body + piece.offset, piece.size)
        if len(data) != piece.size or zlib.crc32(data) != piece.crc:
            raise Unusable("damaged")
        return data


def numbers_of(bits: int) -> Iterator[int]:
    """Yield the numbers of the records in a set of bits, the highest first."""
    while bits:
        number = bits.bit_length() - 1
        yield number
        bits ^= 1 << number


def _shrink(bits: int, records: int) -> int | bytes:
    """One record is its number; a few are a list; many are bits."""
    count = bits.bit_count()
    if count == 1:
        return bits.bit_length() - 1
    if count * _DENSE < records:
        return b"l" + array("I", numbers_of(bits)).tobytes()
    return b"b" + bits.to_bytes((records + 7) // 8, "little")


def _bits(numbers: int | bytes) -> int:
    if isinstance(numbers, int):
        return 1 << numbers
    if numbers[:1] == b"b":
        return int.from_bytes(numbers[1:], "little")
    listed = array("I")
    listed.frombytes(numbers[1:])
    return bits_of(listed[::-1].tolist())
