"""One form for the many ways to write a text, so that detectors need no pattern for each. Pure.

Look-alike letters become the Latin ones that they pass for and ornamental forms the plain ones (Unicode
UAX #15, NFKC; UTS #39 for the idea of look-alikes). What is encoded (base64, hex, percent, character
references, letters set apart, digits for letters) is read. Nothing here is shown to anybody: detectors
read it besides the text itself.
"""

import base64
import binascii
import codecs
import contextlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import unquote

import re2

from yett.sanitising.patience import Patience

DEPTH_MAX: Final = 3
_RUNS_MAX: Final = 64
"""In one text; what comes after is not decoded. More would be a way to keep everybody waiting."""
_RUN_BYTES_MAX: Final = 64 * 1024
_READABLE_MIN: Final = 0.85

_LOOK_ALIKE: Final = (
    "аеорсухіјѕһԁԛԝвмнктзбгАВЕКМНОРСТУХІЈЅԌҮ"
    "αοενιρτυκχηωβγΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"
    "ɑɡıȷʟɴʀʏᴀᴄᴅᴇᴋᴍᴏᴘᴛᴜᴠᴡᴢացհոսօզ"
)
_LATIN: Final = (
    "aeopcyxijshdqwbmhkt36rABEKMHOPCTYXIJSGY"
    "aoeviptukxnwByABEZHIKMNOPTYX"
    "agijlnryacdekmoptuvwzwghnuoq"
)
_LETTERS: Final = dict(zip(_LOOK_ALIKE, _LATIN, strict=True))
_WORD_WITH_LATIN: Final = re.compile(r"[^\W\d_]*[A-Za-z][^\W_]*")
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_MARKED_LATIN: Final = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")
_MARK: Final = re.compile("[\u0300-\u036f]+")

FOLD_HINT: Final = (
    rb"[a-zA-Z][\x{370}-\x{3ff}\x{400}-\x{52f}\x{561}-\x{587}\x{250}-\x{2af}]"
    rb"|[\x{370}-\x{3ff}\x{400}-\x{52f}\x{561}-\x{587}\x{250}-\x{2af}][a-zA-Z]"
    rb"|[\x{c0}-\x{17f}][a-z]{0,3}[\x{c0}-\x{17f}]"
    rb"|[\x{ff21}-\x{ff5a}][\x{ff21}-\x{ff5a}]|[\x{2460}-\x{24ff}\x{1d400}-\x{1d7ff}\x{1f130}-\x{1f189}\x{300}-\x{36f}]"
    rb"|[\x{1d00}-\x{1d7f}\x{2c60}-\x{2c7f}]"
)
"""Letters of two alphabets in one word, ornamental letters, or more marks than most words have."""

RUN_HINT: Final = (
    rb"(?:^|[^A-Za-z0-9])[A-Za-z0-9]{24}|%[2-7][0-9A-Fa-f][^ ]*%[2-7][0-9A-Fa-f]|&#x?[0-9A-Fa-f]{2,6};[^ ]*&#"
    rb"|[01]{8}|\\x[2-7][0-9a-fA-F]\\\\x"
)
"""A part of a text that may be read otherwise than it is written. A run of letters is found where it begins: each
further place in it would cost again."""
APART_HINT: Final = rb"(?:\W|\\n)[A-Za-z][ ._-]{1,2}[A-Za-z][ ._-]{1,2}[A-Za-z][ ._-]{1,2}[A-Za-z][ ._-]{1,2}[A-Za-z][ ._-]"
"""Letters set apart."""
TURNED_HINT: Final = rb"(?i)1gn[o0]r|1n57|5y573|5yst|cebzcg|d15r|flfgrz|ign0r|in57r|pr0mp|r3v[e3]|sy573|vafgehpgvba|vtaber"
"""A text of which every letter may stand for another."""

_LETTERS_RUN: Final = re2.compile(rb"[A-Za-z0-9+/_-]*[A-Za-z0-9]{24}[A-Za-z0-9+/_-]*={0,6}")
_HEX: Final = re.compile(rb"(?:[0-9A-Fa-f]{2})+")
_BASE32: Final = re.compile(rb"[A-Z2-7]+={0,6}")
_PERCENT: Final = re2.compile(rb"(?:[^\s%]*%[0-9A-Fa-f]{2}){2,}[^\s%]*")
_REFERENCES: Final = re2.compile(rb"(?:[^\s&]*&#[xX]?[0-9A-Fa-f]{1,6};){3,}[^\s&]*")
_ESCAPES: Final = re2.compile(rb"(?:\\x[0-9A-Fa-f]{2}){4,}")
_BITS: Final = re2.compile(rb"(?:[01]{8}[ ,]?){6,}")
_APART: Final = re.compile(r"\b(?:[A-Za-z0-9!<\[](?: {1,2}|[._-])){5,}[^\s]?")
_BETWEEN: Final = re.compile(r"[ ._-]")
_NEEDED_APART: Final = re2.compile(rb"\b(?:[A-Za-z0-9](?: {1,2}|[._-])){5}")
_LEET: Final = re2.compile(rb"(?i)1gn[o0]r|ign0r|pr0mp|1n57|in57r|r3v[e3]|d15r|5y573|sy573|5yst")
_TURNED: Final = re2.compile(rb"(?i)vtaber|cebzcg|vafgehpgvba|flfgrz")
_LEET_LETTERS: Final = str.maketrans("013457@$", "oieastas")

Run = tuple[int, int, str]
"""Start and end in bytes, and what stands there once it is read."""


def fold(text: str) -> str:
    """Return the text in plain letters."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKC", text)
    plain = _MARKED_LATIN.sub(_without_mark, plain)
    plain = _MARK.sub("", plain)
    return _WORD_WITH_LATIN.sub(_in_latin, plain)


def _without_mark(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFD", match[0])[0]


def _in_latin(match: re.Match[str]) -> str:
    """A word with a Latin letter in it is meant to be read as Latin."""
    word = match[0]
    return word if word.isascii() else _NOT_ASCII.sub(_look_alike, word)


def _look_alike(match: re.Match[str]) -> str:
    return _LETTERS.get(match[0], match[0])


def runs(text: str, patience: Patience) -> Iterator[Run]:
    """Yield what is encoded in a text and can be read, with its place.

    Raises:
        Unwalkable: it would take longer than there is patience for.
    """
    left, encoded = _RUNS_MAX, text.encode()
    for needed, pattern, decode in _DECODERS:
        if needed not in encoded:
            continue
        patience.spend(4 + (len(encoded) >> 8))
        for match in pattern.finditer(encoded):
            start, end = match.span()
            patience.spend(2 + ((end - start) >> 7))
            left -= 1
            if left < 0:
                return
            found = decode(encoded[start : min(end, start + _RUN_BYTES_MAX)])
            if found is not None:
                yield start, end, found


def readings(text: str, patience: Patience) -> Iterator[str]:
    """Yield a text whose every letter stands for another, as it is meant to be read.

    Raises:
        Unwalkable: it would take longer than there is patience for.
    """
    encoded = text.encode()
    if len(encoded) > _RUN_BYTES_MAX:
        return
    patience.spend(4 + (len(encoded) >> 6))
    if _NEEDED_APART.search(encoded):
        yield _APART.sub(_together, text)
    if _LEET.search(encoded):
        yield text.translate(_LEET_LETTERS)
    if _TURNED.search(encoded):
        yield codecs.encode(text, "rot13")


def _readable(data: bytes) -> str | None:
    """Return what somebody may have wanted to be read; most of what can be decoded is noise."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    plain = sum(map(text.count, " etaoinsr"))
    printable = text.isprintable() or sum(map(str.isprintable, text)) >= _READABLE_MIN * len(text)
    return text if printable and (plain or len(text) >= 16) else None  # noqa: PLR2004 - a token


def _from_letters(run: bytes) -> str | None:
    """Read a long word as hex or base32 if it can be that, or as base64 (RFC 4648)."""
    if _HEX.fullmatch(run):
        return _readable(bytes.fromhex(run.decode()))
    letters = run.rstrip(b"=")
    with contextlib.suppress(binascii.Error):
        if _BASE32.fullmatch(run):
            return _readable(base64.b32decode(letters + b"=" * (-len(letters) % 8)))
        letters = letters.translate(_URL_SAFE)
        letters = letters[: len(letters) - (len(letters) % 4 == 1)]
        return _readable(binascii.a2b_base64(letters + b"=" * (-len(letters) % 4)))
    return None


def _from_percent(run: bytes) -> str | None:
    return unquote(run.decode("utf-8", "replace"))


def _from_references(run: bytes) -> str | None:
    from html import unescape  # noqa: PLC0415 - a table of two thousand names, for few texts

    return unescape(run.decode("utf-8", "replace"))


def _from_escapes(run: bytes) -> str | None:
    return _readable(bytes.fromhex(run.replace(b"\\x", b"").decode()))


def _from_bits(run: bytes) -> str | None:
    bits = run.replace(b" ", b"").replace(b",", b"")
    size = len(bits) // 8  # a run that was cut may end in the middle of a letter
    return _readable(int(bits[: size * 8], 2).to_bytes(size, "big"))


def _together(match: re.Match[str]) -> str:
    """Letters set apart: two blanks stand between words, and one after the last."""
    letters = match.group()
    words = [_BETWEEN.sub("", word) for word in letters.split("  ")]
    return " ".join(words) + (" " if letters[-1] == " " else "")


_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
_DECODERS: Final[tuple[tuple[bytes, Any, Callable[[bytes], str | None]], ...]] = (
    (b"", _LETTERS_RUN, _from_letters),
    (b"%", _PERCENT, _from_percent),
    (b"&#", _REFERENCES, _from_references),
    (b"\\x", _ESCAPES, _from_escapes),
    (b"01", _BITS, _from_bits),
)
