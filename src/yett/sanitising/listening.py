"""What a server says in the middle of a call, let through to who made the call, without what must not leave."""

from collections.abc import Callable
from typing import Final, final

from yett.core.bounds import NOTICE_BYTES_MAX
from yett.core.document import DocumentError, encode, parse
from yett.core.notices import Notice, Several
from yett.core.proofs import Credential
from yett.core.talk import Line
from yett.sanitising.config import AnswerRules
from yett.sanitising.lent import without_lent
from yett.sanitising.patience import Unwalkable
from yett.sanitising.questions import checked_notice
from yett.sanitising.rewriting import Cleaner
from yett.sanitising.scanner import Scanner
from yett.sanitising.seam import Seam
from yett.sanitising.shape import ShapeError

Count = Callable[[Notice | Several | None], int]
"""Told of what a server says, cleaned; None: it is not fit to leave. Says how many of it, from the first on, may be
passed on."""


@final
class Ear:
    """Of one call. credential: what its server was lent. line: of its caller."""

    __slots__ = ("_count", "_credential", "_line", "_rules", "_scanner", "_seam")

    def __init__(
        self,
        scanner: Scanner,
        rules: AnswerRules,
        credential: Credential,
        line: Line,
        count: Count,
    ) -> None:
        self._scanner: Final = scanner
        self._rules: Final = rules
        self._credential: Final = credential
        self._line: Final = line
        self._count: Final = count
        self._seam: Final = Seam() if rules.secrets in ("redact", "block") else None

    def hear(self, said: Notice | Several) -> None:
        if isinstance(said, Notice):
            self._hear_one(said)
        elif not self._are_clean(said):
            for notice in said.singly():
                self._hear_one(notice)
        elif (fitting := self._count(said)) == len(said.members):
            self._line.tell(said)
        elif fitting:
            for notice in said.singly()[:fitting]:
                self._line.tell(notice)

    def _are_clean(self, several: Several) -> bool:
        """Look at them all at once; False: something may be in there, so each is to be cleaned."""
        encoded = several.encoded
        if self._scanner.scan(encoded) is not None:
            return False
        if self._credential.headers and without_lent(encoded, self._credential) is not encoded:
            return False
        return not (self._seam and self._seam.lies_in([one.text for one in several.said]))

    def _hear_one(self, notice: Notice) -> None:
        cleaned = self._clean(notice)
        if self._seam and cleaned is not None and self._seam.is_crossed(cleaned.params):
            cleaned = None  # the beginning has left; the rest must not
        if self._count(cleaned) and cleaned is not None:
            self._line.tell(cleaned)

    def _clean(self, notice: Notice) -> Notice | None:
        """Return what may leave of it; None: it is not fit to."""
        try:
            params = checked_notice(notice.method, notice.params)
            encoded = encode(params)
            if len(encoded) > NOTICE_BYTES_MAX:
                return None
            hits = self._scanner.scan(encoded)
            if hits is not None:
                rules = self._rules
                cleaner = Cleaner(self._scanner, hits, rules.handling, link_hosts=rules.link_hosts)
                params = cleaner.value(params)
                if rules.blocks(cleaner.found):
                    return None
            if self._credential.headers:
                encoded = encode(params)
                kept = without_lent(encoded, self._credential)
                params = params if kept is encoded else parse(kept)
        except (ShapeError, Unwalkable, DocumentError):
            return None
        return Notice(notice.method, params)
