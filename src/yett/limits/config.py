"""The `limits` section of the configuration, and what a tool's section says about rates and money."""

from typing import Annotated, final

import msgspec

from yett.core.quantities import BUDGET_PATTERN, MONEY_PATTERN, RATE_PATTERN, Duration

RateText = Annotated[str, msgspec.Meta(pattern=RATE_PATTERN, description="10/minute")]
# `extra_json_schema`, not `pattern`: msgspec 0.22 frees the compiled pattern of a text that shares a
# union with a list, and the process dies in the garbage collector. The loader checks the schema.
Rates = (
    Annotated[
        str,
        msgspec.Meta(extra_json_schema={"pattern": RATE_PATTERN}, description="10/minute"),
    ]
    | tuple[RateText, ...]
)
MoneyText = Annotated[str, msgspec.Meta(pattern=MONEY_PATTERN, description="0.002 USD")]
BudgetText = Annotated[str, msgspec.Meta(pattern=BUDGET_PATTERN, description="10 USD/day")]


@final
class KeyLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of one key. rate: one or several, all must hold. concurrency: calls at the same time.
    budget: money per day, week, month (UTC) or in total."""

    rate: Rates = ()
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    budget: BudgetText | None = None


@final
class BreakerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """failures: how many in a row open the caller's breaker. cooldown: how long it stays open."""

    failures: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 50
    cooldown: Duration = "30s"


@final
class LimitsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """every_key: holds for each key. keys: by key name, in place of `every_key` where it says so."""

    every_key: KeyLimits = KeyLimits()
    keys: dict[str, KeyLimits] = {}
    breaker: BreakerConfig = BreakerConfig()


@final
class ToolLimits(msgspec.Struct, frozen=True):
    """rate: for each key. rate_total: for all callers together. cost: fixed price of one call."""

    rate: Rates = ()
    rate_total: Rates = ()
    cost: str | None = None
