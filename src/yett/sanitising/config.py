"""What a tool's section says about its answers."""

from typing import Literal, final

import msgspec

from yett.sanitising.rows import RowPlaces

Handling = Literal["flag", "redact", "block"]


@final
class AnswerRules(msgspec.Struct, frozen=True):
    """secrets: what to do with secrets in an answer: note it, replace it, or refuse the answer. Control
    and hidden characters are always removed. rows: where its rows are; None: callers may see all of it."""

    secrets: Handling = "redact"
    rows: RowPlaces | None = None
