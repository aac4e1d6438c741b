"""What is suspicious about a text of a tool's definition, a name included: for the catalogue, before a
person approves it. Everything that detectors of answers know is asked, and what only definitions have."""

import re
from typing import Final

from yett.sanitising.detectors import descriptions, hidden, injection
from yett.sanitising.normalising import fold, runs
from yett.sanitising.patience import Patience, Unwalkable

INSTRUCTS: Final = "reads like an instruction"
HIDDEN: Final = "has characters that cannot be seen"
ENCODED: Final = "holds an encoded command or instruction"
TOO_MUCH: Final = "is too much to be looked at"
_TEXT_WORK_MAX: Final = 200_000
_USUAL_HERE: Final = frozenset({"injection:task", "injection:tool"})
"""A description may say which tool to call; `descriptions.find` knows when that is too much."""
_SHORT_NAME: Final = re.compile(r"[A-Za-z0-9_.$-]{1,24}")
"""Most members have one; nothing is ordered about or encoded in so little."""
_PRIVATE_USE: Final = re.compile("[\ue000-\uf8ff\U000f0000-\U0010fffd]")
_COMMAND: Final = re.compile(
    r"\b(?:curl|wget|rm -[rf]|chmod \+|bash|/bin/sh|sh -i|nc -|powershell|python -c|eval)\b|/dev/tcp/|https?://|(?<=\| )sh\b|~/"
)


def text_findings(text: str) -> tuple[str, ...]:
    """Return what is suspicious, in a few words each; nothing if nothing is."""
    if _SHORT_NAME.fullmatch(text):
        return descriptions.find(text)
    patience = Patience(_TEXT_WORK_MAX)
    plain, found_hidden = hidden.strip(text)
    found = [HIDDEN] if found_hidden or _PRIVATE_USE.search(text) else []
    try:
        folded = fold(plain)
        found += _instructs(folded, patience)
        for _, _, decoded in runs(folded, patience):
            if _COMMAND.search(decoded) or _instructs(decoded, patience):
                found.append(ENCODED)
                break
    except Unwalkable:
        found.append(TOO_MUCH)
    return tuple(dict.fromkeys(found))


def _instructs(text: str, patience: Patience) -> list[str]:
    spans = injection.find(text.encode(errors="replace"), patience)
    instructs = any(name not in _USUAL_HERE for _, _, name in spans)
    return [*([INSTRUCTS] if instructs else []), *descriptions.find(text)]
