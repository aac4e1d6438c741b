"""What every statement must be before a parser sees it: short, and made of characters that can be seen.

Parsers are not made for strangers: libpg_query overruns its stack on a chain of a hundred thousand
operators, needs time quadratic in the depth of nested comments and reads a NUL as the end; sqlglot
takes a tenth of a millisecond a word. So size is bounded first (CWE-400, CWE-674).
"""

import re
import unicodedata
from typing import Final

from yett.validation.kinds.port import Unfit

STATEMENT_BYTES_MAX: Final = 20_000
_COMMENTS_MAX: Final = 20
_PIECE: Final = re.compile(r"\w+|'[^']*'|[^\w\s']")
_CUT_OFF: Final = re.compile(r"(--|/\*|#)[\s;]*\Z")
_SEEN: Final = re.compile(r"[\t\n\r\x20-\x7e]*")
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def check_text(text: str, pieces_max: int) -> None:
    """pieces_max: words, literals and signs, of which a parser sees about as many.

    Raises:
        Unfit: it is too long, or has characters that cannot be seen.
    """
    if len(text) > STATEMENT_BYTES_MAX:
        raise Unfit(f"is longer than {STATEMENT_BYTES_MAX} bytes")
    if not _SEEN.fullmatch(text):
        _check_characters(text)
    if _CUT_OFF.search(text):
        raise Unfit("ends in an empty comment, as only a statement does that was cut off")
    if text.count("/*") > _COMMENTS_MAX:
        raise Unfit(f"has more than {_COMMENTS_MAX} comments")
    # No piece is longer than a literal, so few bytes are few pieces.
    if len(text) > pieces_max and sum(1 for _ in _PIECE.finditer(text)) > pieces_max:
        raise Unfit(f"has more than {pieces_max} words, values and signs; send it in parts")


def _check_characters(text: str) -> None:
    for char in set(text) - set("\t\n\r"):
        kind = unicodedata.category(char)
        if kind in _HIDDEN or (kind == "Zs" and char != " "):
            raise Unfit("has a character that cannot be seen")
    if len(text.encode()) > STATEMENT_BYTES_MAX:
        raise Unfit(f"is longer than {STATEMENT_BYTES_MAX} bytes")
