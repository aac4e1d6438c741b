"""A value that must not be shown. It prints as stars and compares in constant time (CWE-208, CWE-532)."""

import hmac
from typing import Any, final


@final
class Secret:
    """Bytes that leave only through `reveal`, which is searched for in review.

    note: what authentication found out about them and would find out again: whose they are. It is lost
    with them and holds nothing of them.
    """

    __slots__ = ("_value", "note")

    def __init__(self, value: bytes | str) -> None:
        self._value = value.encode() if isinstance(value, str) else value
        self.note: Any = None

    def reveal(self) -> bytes:
        return self._value

    def reveal_text(self) -> str:
        return self._value.decode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        raise TypeError("a secret has no hash: it would leak through the order of a set")

    def __len__(self) -> int:
        return len(self._value)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return self.__repr__()

    def __format__(self, specification: str) -> str:
        return repr(self)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")
