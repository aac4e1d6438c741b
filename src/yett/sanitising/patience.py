"""How much may be done about one document: a hostile one asks for minutes, and the loop is everybody's."""

from typing import Final, final

WORK_MAX: Final = 200_000
"""Units of about one microsecond. Honest answers of the largest size need a tenth of it."""


class Unwalkable(ValueError):
    """Too deep, too much to look at, or two members of one object have the same name once they are
    cleaned."""


@final
class Patience:
    """What is left for one document. The units are counted, not measured, so the same document always
    ends alike."""

    __slots__ = ("_left",)

    def __init__(self, units: int = WORK_MAX) -> None:
        self._left = units

    def spend(self, units: int) -> None:
        """Raises:
        Unwalkable: more would have to be done than there is patience for.
        """
        self._left -= units
        if self._left < 0:
            raise Unwalkable("too much in it has to be looked at for secrets or hidden characters")
