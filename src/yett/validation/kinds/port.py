"""What a guard of one kind of argument must do."""

from typing import Protocol, Self

from yett.core.predicate import RowRule
from yett.core.target import JSON, Access


class Unfit(ValueError):
    """The value is not allowed here, or nobody can tell what it would do. The message says why, with
    the verb first ("is outside of the roots"), and quotes nothing of the value. → `argument_denied`

    within: where in the value, if it has parts.
    """

    within: tuple[str, ...] = ()

    def at(self, index: int) -> Self:
        """Say that it is an item of a list."""
        self.within = (str(index), *self.within)
        return self


class WrongForm(Unfit):
    """The value does not have the form of its kind, which is all that its kind asks. → `invalid_input`"""


class Guard(Protocol):
    """Pure, and linear in the size of the value. Anything it raises beside `Unfit` ends the call, too."""

    def check(self, value: JSON, access: Access) -> JSON:
        """Return the value to send on: the same object, unless the kind has to change it.

        access: the class that the operator approved for the tool.

        Raises:
            Unfit: the value is not sent.
        """
        ...


class TextGuard(Protocol):
    """The same for kinds that are texts: of a list, it is asked for each; anything else is not sent."""

    def check(self, value: str, access: Access) -> str:
        """Raises:
        Unfit: the text is not sent.
        """
        ...


class Pointing(Protocol):
    """For kinds that lead somewhere by a name of DNS."""

    def host_of(self, value: str) -> str | None:
        """Return the name in a checked text whose addresses are to be judged before it is sent, if any.

        Raises:
            Unfit: the text was not checked.
        """
        ...


class Narrower(Protocol):
    """For kinds that say which rows are asked for."""

    def narrow(self, value: str, rule: RowRule) -> str:
        """Return a checked text that asks for the rows of this rule only.

        Raises:
            Unfit: there is none.
        """
        ...
