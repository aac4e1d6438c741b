"""What a tool's section says about its arguments."""

from typing import final

import msgspec


@final
class ArgumentRules(msgspec.Struct, frozen=True):
    """open: arguments that the schema does not declare are let through (refused by default)."""

    open: bool = False
