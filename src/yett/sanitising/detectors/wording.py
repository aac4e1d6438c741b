r"""How the patterns of signals are written: a blank is white space and markup between two words, `~` a few
words in the same sentence. So a table of signals can be read like the texts that it finds."""

import re
from typing import Final

_IN_TEXT: Final = (r"[\s*_>`\"']+", r"[\s*_>`\"']*", "[^.!?]{0,80}?", r"\n")
_IN_JSON: Final = (r"(?:\\[nrt\"]|[\s*_>`\"'])", r"(?:\\[nrt\"]|[\s*_>`\"'])?", "", r"\\n")

_COUNTED: Final = re.compile(rb"(?<!\\)\{([0-9]+),([0-9]*)\}\??")
_FEW: Final = 3
_PIECE: Final = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|.", re.DOTALL)
"""Of a pattern: an escape, a class, or a character."""
_MARK: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]| [?*]?|~", re.DOTALL)
"""What may be spelt out, and the classes and escapes in which nothing is."""
_DEEPER: Final = {"(": 1, ")": -1}


def in_text(pattern: str) -> bytes:
    """Return RE2 that finds the words in a text."""
    return _spelt_out(pattern, *_IN_TEXT)


def in_json(stems: str) -> bytes:
    """Return RE2 that finds stems in compact JSON, where a line break has two characters. One blank is one place:
    what repeats makes an automaton grow that looks for much at once. Stems that begin alike stand together, since
    only then does RE2 follow them as one."""
    return _spelt_out("|".join(sorted(set(alternatives(stems)))), *_IN_JSON)


def alternatives(pattern: str) -> list[str]:
    """Return what a pattern has the choice of. A group at the beginning of a choice is a choice as well."""
    choices, depth = [""], 0
    for piece in _PIECE.findall(pattern):
        depth += _DEEPER.get(piece, 0)
        if piece == "|" and depth == 0:
            choices.append("")
        else:
            choices[-1] += piece
    return [each for choice in choices for each in _opened(choice)]


def _opened(choice: str) -> list[str]:
    if not choice.startswith("(?:"):
        return [choice]
    pieces, depth, end = _PIECE.findall(choice), 1, 1
    while depth:
        depth += _DEEPER.get(pieces[end], 0)
        end += 1
    rest = "".join(pieces[end:])
    if rest.startswith(("?", "*", "+", "{")):
        return [choice]
    return [first + rest for first in alternatives("".join(pieces[3 : end - 1]))]


def loosely(pattern: bytes) -> bytes:
    """Return RE2 that finds something wherever the pattern does, and elsewhere: what may come several times may
    come any number of times. An automaton has a state for each number that is counted to."""
    return _COUNTED.sub(_uncounted, pattern)


def _uncounted(counted: re.Match[bytes]) -> bytes:
    least, most = int(counted[1]), counted[2]
    if most and int(most) <= _FEW:
        return counted[0]
    return b"+" if least else b"*"


def _spelt_out(pattern: str, blank: str, perhaps: str, gap: str, line: str) -> bytes:
    spelt = {" ": blank, " ?": perhaps, " *": perhaps, "~": gap, r"\n": line}
    return ("(?is)" + _MARK.sub(lambda mark: spelt.get(mark[0], mark[0]), pattern)).encode()
