"""`forced`: an argument that the gate sets, whatever the caller says. Pure."""

from typing import Final, final

import msgspec

from yett.core.identity import Principal
from yett.core.target import JSON
from yett.validation.kinds.places import Place
from yett.validation.kinds.port import Unfit, WrongForm

OF_THE_CALLER: Final = frozenset({"tenant", "id", "name", "environment"})
"""What `principal.…` may name."""

PREFIX: Final = "principal."


@final
class Forced(msgspec.Struct, frozen=True):
    """value: a constant, or `principal.` and one of `OF_THE_CALLER`."""

    place: Place
    value: JSON

    def set_in(self, arguments: dict[str, JSON], principal: Principal) -> dict[str, JSON]:
        """Return the arguments with the value in its place; objects on the way there are made.

        Raises:
            Unfit: the caller has put another value there.
            WrongForm: something stands on the way that is no object.
        """
        return _set(arguments, self.place, self._value_for(principal))

    def _value_for(self, principal: Principal) -> JSON:
        if isinstance(self.value, str) and self.value.startswith(PREFIX):
            return getattr(principal, self.value.removeprefix(PREFIX))
        return self.value


def _set(place: dict[str, JSON], names: Place, value: JSON) -> dict[str, JSON]:
    name = names[0]
    if len(names) > 1:
        inner = place.get(name, {})
        if not isinstance(inner, dict):
            raise WrongForm("is not an object")
        return {**place, name: _set(inner, names[1:], value)}
    if name in place and not _is_same(place[name], value):
        raise Unfit("is set by the gate, and not to this")
    return {**place, name: value}


def _is_same(given: JSON, value: JSON) -> bool:
    """True is not 1 here, though Python says so."""
    return type(given) is type(value) and bool(given == value)
