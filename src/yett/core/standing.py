"""What is known about one caller and one target, kept from call to call: each part by the stage it is named after.

One look-up, in authorization, finds all of it; what follows reads its own part instead of looking it up.
"""

from typing import Any, final

from yett.core.identity import Principal
from yett.core.target import Target


@final
class Standing:
    """Made by authorization when it first permits a target to a caller, and found again as long as both are the same
    objects. It ends with the configuration, with the policies, when the caller's key is read anew, and when the
    target's definition is another: what follows from these alone needs no version of its own here.

    policies: ids of those that permit whatever the call; None: the policies are asked each time.
    The rest are the parts of other stages, None until their own stage sets them; no other may look at them
    (tests/architecture/test_standing.py). They are one value each, made once and replaced whole.
    """

    __slots__ = (
        "audit", "limits", "policies", "principal", "target", "upstreams", "validation",
    )  # fmt: skip

    def __init__(self, principal: Principal, target: Target) -> None:
        self.principal = principal
        self.target = target
        self.policies: tuple[str, ...] | None = None
        # `Any`, because only the stage itself knows the type; it names it where it takes its part.
        self.audit: Any = None
        self.limits: Any = None
        self.upstreams: Any = None
        self.validation: Any = None
