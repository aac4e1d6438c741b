"""What the policies say of a call, in full."""

from typing import final

import msgspec

from yett.core.errors import Refusal
from yett.core.predicate import RowRule
from yett.core.proofs import Ask
from yett.core.reasons import Reason


@final
class Explanation(msgspec.Struct, frozen=True):
    """policies: ids of those that decided. refusal: None when it is permitted. ignored_roles: the
    caller's roles that no configuration and no policy knows. ask: who has to agree as well. rows: which
    rows of its answers the caller sees; None: the tool has none that could be told apart."""

    policies: tuple[str, ...]
    refusal: Refusal | None
    ignored_roles: tuple[str, ...]
    ask: Ask | None = None
    rows: RowRule | None = None

    @property
    def outcome(self) -> str:
        """`permitted`, or the reason why not."""
        if self.refusal is not None:
            return self.refusal.reason.value
        return "permitted" if self.ask is None else Reason.APPROVAL_REQUIRED.value
