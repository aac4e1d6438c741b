"""What is too weak to protect anything: placeholders left in place, keys that are no keys (CWE-1392)."""

import re
from typing import Final

from yett.core.secret import Secret

PASSPHRASE_CHARACTERS_MIN: Final = 12
_DISTINCT_BYTES_MIN: Final = 12
_TEXT: Final = re.compile(rb"[\t\n\r -~]*")
_PLACEHOLDER: Final = re.compile(
    rb"(change|replace)[ _-]?(me|this|it)!?|.*__.*(replace|change|insert).*__|<.*>|\$\{.*\}"
    rb"|\{\{.*\}\}|(your|insert|put)[ _-].*(key|token|secret|password|here)|x{4,}|\*{3,}|\.{3,}",
    re.IGNORECASE | re.DOTALL,
)
_COMMON: Final = re.compile(
    rb"(my|the)?[ _-]?(secret|password|passphrase|vault|api|key|token|[ _-])+[0-9!]*", re.IGNORECASE
)


def is_placeholder(value: Secret) -> bool:
    """Say whether somebody forgot to put the value in."""
    return _PLACEHOLDER.fullmatch(value.reveal().strip()) is not None


def is_weak_passphrase(value: Secret) -> bool:
    """Say whether a passphrase is a placeholder or an obvious word, too short, or of too few different characters."""
    text = value.reveal()
    short = len(text) < PASSPHRASE_CHARACTERS_MIN
    guessed = is_placeholder(value) or _COMMON.fullmatch(text) is not None
    return short or guessed or len(set(text)) < PASSPHRASE_CHARACTERS_MIN // 2


def is_weak_key(value: Secret) -> bool:
    """Say whether 32 bytes cannot have been drawn at random: text, or hardly two different bytes."""
    revealed = value.reveal()
    return _TEXT.fullmatch(revealed) is not None or len(set(revealed)) < _DISTINCT_BYTES_MIN
