"""What a tool's section says about its answers."""

from typing import Literal, final

import msgspec

Handling = Literal["flag", "redact", "block"]


@final
class AnswerRules(msgspec.Struct, frozen=True):
    """What to do with secrets in an answer: note it, replace it, or refuse the answer. Control and
    hidden characters are always removed."""

    secrets: Handling = "redact"
