"""Which checkpoints are looked at, where there are too many to look at all."""

import secrets
from collections.abc import Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


def newest_and_some(items: Sequence[_Item], count: int) -> list[_Item]:
    """Return the `count` newest, and of the others as many that nobody can foresee, in their order. Every change
    of a record shows in each checkpoint that was made between the record and the change.

    Whoever has the key can put any number of new ones behind those that tell what the log was; by a rule that
    is known they could be put so that none of the honest ones is looked at.
    """
    older, newest = items[:-count], items[-count:]
    drawn = sorted(secrets.SystemRandom().sample(range(len(older)), min(len(older), count)))
    return [*(older[number] for number in drawn), *newest]
