"""Keep secrets out of records and logs (CWE-532). What is stored stays otherwise as it was."""

from typing import Final, final

from yett.core.document import DocumentError, encode, parse
from yett.sanitising.config import Handling
from yett.sanitising.detectors.rules import Kind
from yett.sanitising.patience import Unwalkable
from yett.sanitising.rewriting import PRIVATE, Cleaner
from yett.sanitising.scanner import Scanner, secrets_scanner

_HANDLING: Final[dict[Kind, Handling]] = {"secret": "redact"}


@final
class Redactor:
    __slots__ = ("_scanner",)

    def __init__(self, scanner: Scanner | None = None) -> None:
        self._scanner: Final = scanner or secrets_scanner()

    def redact(self, encoded_json: bytes) -> bytes:
        """Return compact JSON with secrets replaced; the same object when there are none.

        What stands under a name such as `password` goes whatever it looks like. What is not JSON,
        or cannot be walked, goes as a whole: in doubt nothing is kept. Raises nothing.
        """
        hits = self._scanner.scan(encoded_json)
        if hits is None:
            return encoded_json
        cleaner = Cleaner(
            self._scanner, hits, _HANDLING, keep_hidden=True, private_names=hits.named
        )
        try:
            value = parse(encoded_json)
            cleaned = cleaner.value(value)
        except (DocumentError, Unwalkable):
            return encode(PRIVATE)
        return encoded_json if cleaned == value else encode(cleaned)

    def redact_text(self, text: str) -> str:
        """Return one text, of a log for example, with secrets replaced. Raises nothing."""
        readable = text.encode("utf-8", "replace").decode()
        hits = self._scanner.scan(encode(readable))
        if hits is None:
            return text
        cleaner = Cleaner(self._scanner, hits, _HANDLING, keep_hidden=True)
        try:
            return cleaner.text(readable)
        except Unwalkable:
            return PRIVATE
