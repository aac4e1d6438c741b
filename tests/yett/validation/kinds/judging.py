"""Ask one guard of texts, as configured, about one text."""

from yett.core.target import JSON
from yett.validation.config import AnyArgument
from yett.validation.kinds.build import guarding_of
from yett.validation.kinds.port import Unfit


def refusal(options: AnyArgument, value: JSON) -> Unfit | None:
    """Return how a guard refuses a value; None: it does not, and has not changed it either."""
    guarding, problems = guarding_of({"it": options})
    assert not problems
    ((_, guard),) = guarding.guards
    try:
        assert guard.check(value, "read") is value
    except Unfit as unfit:
        return unfit
    return None


def takes(options: AnyArgument, value: JSON) -> bool:
    return refusal(options, value) is None
