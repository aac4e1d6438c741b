"""`max`: a number that is not larger, a text or a list that is not longer. Pure."""

from typing import final

from yett.core.target import JSON, Access
from yett.validation.config import MaxArgument
from yett.validation.kinds.port import WrongForm


@final
class MaxGuard:
    __slots__ = ("_most",)

    def __init__(self, options: MaxArgument) -> None:
        self._most = options.most

    def check(self, value: JSON, access: Access) -> JSON:
        """Raises:
        WrongForm: it is larger or longer, or has no size.
        """
        del access
        if isinstance(value, (str, list, dict)):
            if len(value) > self._most:
                raise WrongForm(f"is longer than {self._most}")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            if value > self._most:
                raise WrongForm(f"is larger than {self._most}")
        elif value is not None:
            raise WrongForm("is neither a number nor a text nor a list")
        return value
