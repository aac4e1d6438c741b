"""`enum`: one of a few values. Pure."""

from typing import final

from yett.core.target import JSON, Access
from yett.validation.config import EnumArgument
from yett.validation.kinds.port import WrongForm


@final
class EnumGuard:
    """Compares as JSON does: `true`, `1` and `"1"` are three values. Of a list, it asks for each item."""

    __slots__ = ("_values",)

    def __init__(self, options: EnumArgument) -> None:
        self._values = frozenset((type(value), value) for value in options.values)

    def check(self, value: JSON, access: Access) -> JSON:
        """Raises:
        WrongForm: it is none of the values.
        """
        del access
        for index, item in enumerate(value if isinstance(value, list) else ()):
            if not self._is_known(item):
                raise WrongForm("is none of the values that are allowed").at(index)
        if not isinstance(value, list) and value is not None and not self._is_known(value):
            raise WrongForm("is none of the values that are allowed")
        return value

    def _is_known(self, value: JSON) -> bool:
        return not isinstance(value, (dict, list)) and (type(value), value) in self._values
