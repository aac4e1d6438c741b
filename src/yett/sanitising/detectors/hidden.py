"""Characters that a person does not see and a model or a terminal obeys (THREATS C07, CWE-150, CWE-1007).

Removed everywhere: control characters except tab, line feed and carriage return; escape sequences
as a whole; controls of the writing direction; zero-width characters; tags; variation selectors.
Kept where a script or an emoji needs them: a joiner or an emoji selector after such a character.
"""

import functools
import re
from typing import Any, Final

import re2

from yett.sanitising.patience import Patience

_OPENING: Final = "(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])"
_ANSI: Final = (
    # ECMA-48 §5.4 control sequence; §5.6 control strings (OSC 8 links among them); §5.3 the rest.
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    # The content ends at another opening too: else a row of openings would take quadratic time.
    f"|{_OPENING}[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\\\|\x9c)"
    "|\x1b[ -/]*[0-~]"
)
# A row of them is one place: there may be millions.
_CONTROL: Final = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+"
_BIDIRECTIONAL: Final = "[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+"
_JOINED: Final = "\u0590-\u1fff\u2190-\u2bff\u3000-\u9fff\ua000-\ufdff\ufe0f\U00010900-\U0001faff"
_EMOJI: Final = "0-9#*\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff"
_INVISIBLE: Final = (
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u2060-\u2065\u206a-\u206f\u3164"
    "\ufe00-\ufe0d\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_SELECTOR: Final = f"(?<![{_EMOJI}])[\ufe0e\ufe0f]"
_JOINER: Final = f"(?<![{_JOINED}])[\u200c\u200d]"
_SEPARATOR: Final = "[\u2028\u2029]"

# In this order: a sequence is removed whole before its parts would be, and a selector before the
# joiner that leans on it. The last column holds the characters without which there is nothing to do:
# asking for them is ten times faster than replacing.
_STEPS: Final = (
    ("ansi", _ANSI, "", "\x1b\x90\x98\x9b\x9d-\x9f"),
    ("control_characters", _CONTROL, "", "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"),
    ("bidirectional_controls", _BIDIRECTIONAL, "", _BIDIRECTIONAL[1:-2]),
    ("hidden_characters", _INVISIBLE, "", _INVISIBLE[1:-2]),
    ("hidden_characters", _SELECTOR, "", "\ufe0e\ufe0f"),
    ("hidden_characters", _JOINER, "", "\u200c\u200d"),
    ("line_separators", _SEPARATOR, "\n", "\u2028\u2029"),
)

ESCAPED_HINT: Final = rb"[^\\](?:\\\\)*\\(?:u00[01][0-9a-f]|[bf])"
UNSEEN_HINT: Final = (
    rb"[\x{7f}-\x{9f}\x{ad}\x{34f}\x{61c}\x{115f}\x{1160}\x{17b4}\x{17b5}\x{180b}-\x{180e}"
    rb"\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2060}-\x{206f}\x{3164}\x{fe00}-\x{fe0f}\x{feff}"
    rb"\x{ffa0}\x{fff9}-\x{fffb}\x{1d173}-\x{1d17a}\x{e0000}-\x{e0fff}]"
)
"""One of the two is found in compact JSON whenever a string in it holds anything that `strip` may remove."""


def strip(text: str, patience: Patience | None = None) -> tuple[str, tuple[str, ...]]:
    """Return the text without hidden characters, and the names of what was found.

    Raises:
        Unwalkable: it would take longer than there is patience for.
    """
    if text.isascii() and text.isprintable():
        return text, ()
    found: dict[str, None] = {}
    for name, pattern, replacement, needed in _steps():
        if needed.search(text) is None:
            continue
        if patience is not None:
            patience.spend(10 + (len(text) >> 5))
        text, count = pattern.subn(replacement, text)
        if count:
            found[name] = None
    return text, tuple(found)


@functools.cache
def _steps() -> tuple[tuple[str, re.Pattern[str], str, Any], ...]:
    """Return them compiled, which takes milliseconds and is for texts that are not plain."""
    return tuple(
        (name, re.compile(pattern), replacement, re2.compile(f"[{needed}]"))
        for name, pattern, replacement, needed in _STEPS
    )
