"""All that is declared about the arguments of one tool, applied to one call. Pure."""

from collections.abc import Callable
from typing import NoReturn, final

import msgspec

from yett.core.identity import Principal
from yett.core.predicate import RowRule
from yett.core.target import JSON, Access
from yett.validation.arguments import pointer_to
from yett.validation.kinds.forced import Forced
from yett.validation.kinds.places import Place, is_declared, replaced
from yett.validation.kinds.port import Guard, Narrower, Pointing, TextGuard, Unfit, WrongForm
from yett.validation.refusal import deny, forbid


@final
class Guarding(msgspec.Struct, frozen=True):
    """guards: each with its place, in the order in which they are asked. narrowers: of statements that are
    rewritten for callers who may see some rows only. pointing: of names that may have to be looked up."""

    guards: tuple[tuple[Place, Guard], ...] = ()
    forced: tuple[Forced, ...] = ()
    narrowers: tuple[tuple[Place, Narrower], ...] = ()
    pointing: tuple[tuple[Place, Pointing], ...] = ()

    def undeclared(self, schema: JSON) -> str | None:
        """Return the pointer of the first place that the tool's schema does not declare, or None.

        Raises:
            SchemaRefused: the schema cannot be judged by.
        """
        places = [place for place, _ in self.guards] + [one.place for one in self.forced]
        return next((pointer_to(it) for it in places if not is_declared(schema, it)), None)

    def force(self, arguments: dict[str, JSON], principal: Principal) -> dict[str, JSON]:
        """Return the arguments with what the gate sets.

        Raises:
            Denied: argument_denied, the caller says otherwise; invalid_input.
        """
        for one in self.forced:
            try:
                arguments = one.set_in(arguments, principal)
            except Unfit as unfit:
                _refuse(one.place, unfit)
        return arguments

    def check(self, arguments: dict[str, JSON], access: Access) -> dict[str, JSON]:
        """Return what is to be sent: the same object, unless a guard changes something.

        Raises:
            Denied: argument_denied or invalid_input, with the pointer and the reason.
        """
        checked: JSON = arguments
        for place, guard in self.guards:
            checked = replaced(checked, place, _asking(guard, access))
        assert isinstance(checked, dict)  # noqa: S101 - for the type only: places are never empty
        return checked

    def narrow(self, arguments: dict[str, JSON], rule: RowRule) -> dict[str, JSON]:
        """Return checked arguments as they are for a caller who may see these rows only.

        Raises:
            Denied: argument_denied, it cannot be said in the statement which rows those are.
        """
        narrowed: JSON = arguments
        for place, narrower in self.narrowers:
            narrowed = replaced(narrowed, place, _narrowing(narrower, rule))
        assert isinstance(narrowed, dict)  # noqa: S101 - for the type only: places are never empty
        return narrowed

    def hosts(self, arguments: dict[str, JSON]) -> tuple[tuple[str, str], ...]:
        """Return where in checked arguments a name stands that is to be looked up, and the name."""
        found: list[tuple[str, str]] = []
        for place, pointing in self.pointing:
            replaced(arguments, place, _noting(pointing, found))
        return tuple(found)


def _noting(pointing: Pointing, found: list[tuple[str, str]]) -> Callable[[JSON, Place], JSON]:
    def note(value: JSON, where: Place) -> JSON:
        for item in value if isinstance(value, list) else [value]:
            host = pointing.host_of(item) if isinstance(item, str) else None
            if host is not None:
                found.append((pointer_to(where), host))
        return value

    return note


def _narrowing(narrower: Narrower, rule: RowRule) -> Callable[[JSON, Place], JSON]:
    def narrow(value: JSON, where: Place) -> JSON:
        items = value if isinstance(value, list) else [value]
        try:  # what has been checked is a text, texts in a list, or nothing
            found = [item if item is None else narrower.narrow(item, rule) for item in items]
        except Unfit as unfit:
            _refuse(where, unfit)
        return found if isinstance(value, list) else found[0]

    return narrow


def _asking(guard: Guard, access: Access) -> Callable[[JSON, Place], JSON]:
    def ask(value: JSON, where: Place) -> JSON:
        try:
            return guard.check(value, access)
        except Unfit as unfit:
            _refuse((*where, *unfit.within), unfit)

    return ask


def _refuse(where: Place, unfit: Unfit) -> NoReturn:
    pointer, said = pointer_to(where), str(unfit)
    if isinstance(unfit, WrongForm):
        deny(pointer, said)
    forbid(pointer, said)


@final
class EachText:
    """Asks a guard of texts about a text, or about each one of a list; null is as good as nothing.

    items_max: of a list; longer ones are not judged, and so not sent (CWE-770).
    """

    __slots__ = ("_guard", "_items_max")

    def __init__(self, guard: TextGuard, items_max: int = 256) -> None:
        self._guard = guard
        self._items_max = items_max

    def check(self, value: JSON, access: Access) -> JSON:
        if isinstance(value, str):
            return self._guard.check(value, access)
        if value is None:
            return None
        if not isinstance(value, list):
            raise WrongForm("is not a text")
        if len(value) > self._items_max:
            raise WrongForm(f"has more than {self._items_max} items, which are not judged")
        found = [self._check_item(item, access, index) for index, item in enumerate(value)]
        same = all(after is before for after, before in zip(found, value, strict=True))
        return value if same else found

    def _check_item(self, item: JSON, access: Access, index: int) -> str:
        if not isinstance(item, str):
            raise WrongForm("is not a text").at(index)
        try:
            return self._guard.check(item, access)
        except Unfit as unfit:
            raise unfit.at(index) from None
