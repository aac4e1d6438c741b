"""The `limits` section of the configuration, and what a tool's and a server's section say about rates and
money."""

from typing import Annotated, final

import msgspec

from yett.core.quantities import (
    BUDGET_PATTERN,
    BYTES_PATTERN,
    MONEY_PATTERN,
    RATE_PATTERN,
    Duration,
)

RateText = Annotated[
    str, msgspec.Meta(pattern=RATE_PATTERN, description="10/minute, 10/90s, 60/minute burst 5")
]
# `extra_json_schema`, not `pattern`: msgspec 0.22 frees the compiled pattern of a text that shares a
# union with a list, and the process dies in the garbage collector. The loader checks the schema.
Rates = (
    Annotated[
        str,
        msgspec.Meta(
            extra_json_schema={"pattern": RATE_PATTERN},
            description="10/minute, 10/90s, 60/minute burst 5",
        ),
    ]
    | tuple[RateText, ...]
)
BytesText = Annotated[str, msgspec.Meta(pattern=BYTES_PATTERN, description="10 MB/day")]
MoneyText = Annotated[str, msgspec.Meta(pattern=MONEY_PATTERN, description="0.002 USD")]
BudgetText = Annotated[str, msgspec.Meta(pattern=BUDGET_PATTERN, description="10 USD/day")]
Budgets = (
    Annotated[
        str,
        msgspec.Meta(extra_json_schema={"pattern": BUDGET_PATTERN}, description="10 USD/day"),
    ]
    | tuple[BudgetText, ...]
)
Places = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
PER_PATTERN = r"^[1-9][0-9]{0,8} (characters|bytes|items|units) of (/[^ ]*)$"
SHARE_PATTERN = r"^[1-9][0-9]?%$"


@final
class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price that is not fixed. base: for the call itself, beside what its argument costs. amount: for each
    `per`. per: how much of which argument, such as `1000 characters of /text`, `1 items of /rows` or
    `1 units of /seconds`. result: JSON pointer to the price in the structured content of the answer, in the
    currency of `most`. most: more than this a call never costs; it is put aside before, and taken when the
    price cannot be told."""

    base: MoneyText | None = None
    amount: MoneyText | None = None
    per: Annotated[str, msgspec.Meta(pattern=PER_PATTERN)] | None = None
    result: str | None = None
    most: MoneyText | None = None


Price = (
    Annotated[
        str, msgspec.Meta(extra_json_schema={"pattern": MONEY_PATTERN}, description="0.002 USD")
    ]
    | Cost
)


@final
class KeyLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one has room for. rate: one or several, all must hold. input, output: bytes of arguments and
    of answers. concurrency: calls at the same time. budget: money per day, week, month or in total, one or
    several. observe: count, tell who would have been refused (`limits.observed`), refuse nobody."""

    rate: Rates = ()
    input: BytesText | None = None
    output: BytesText | None = None
    concurrency: Places | None = None
    budget: Budgets = ()
    observe: bool = False


@final
class TeamLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What some keys have together, beside what each has. keys: their names; a key may be in several teams.
    rate: one or several, all must hold. input, output: bytes of arguments and of answers. concurrency: calls
    at the same time. budget: money per day, week, month or in total, one or several. observe: count, tell
    who would have been refused, refuse nobody. time_zone: by whose calendar its budgets begin anew."""

    keys: tuple[str, ...] = ()
    rate: Rates = ()
    input: BytesText | None = None
    output: BytesText | None = None
    concurrency: Places | None = None
    budget: Budgets = ()
    observe: bool = False
    time_zone: str | None = None


@final
class TenantLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all keys of one tenant have together. rate: one or several, all must hold. input, output: bytes of
    arguments and of answers. concurrency: calls at the same time. budget: money per day, week, month or in
    total, one or several. observe: count, tell who would have been refused, refuse nobody. time_zone: by
    whose calendar its budgets begin anew."""

    rate: Rates = ()
    input: BytesText | None = None
    output: BytesText | None = None
    concurrency: Places | None = None
    budget: Budgets = ()
    observe: bool = False
    time_zone: str | None = None


@final
class BreakerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What closes the gate to one caller for a while. failures: so many in a row. failure_rate: so many of its
    last calls, such as `60% of 100`. identical: the same tool with the same arguments more often than this.
    tools: more different tools than so many in a time, such as `30/hour`. records: more calls that differ in their
    tool or arguments, such as `1000/hour`: whoever goes through all records of a server asks so. cooldown: how long it stays closed;
    twice as long each time it happens again. cooldown_max: but not longer than this."""

    failures: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 50
    failure_rate: (
        Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]?% of [1-9][0-9]{0,3}$")] | None
    ) = None
    identical: RateText | None = None
    tools: RateText | None = None
    records: RateText | None = None
    cooldown: Duration = "30s"
    cooldown_max: Duration = "1h"


@final
class LimitsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """every_key: holds for each key. keys: by key name, in place of `every_key` where it says so. teams: of
    keys that share. every_tenant, tenants: for all keys of a tenant together. time_zone: by whose calendar
    budgets begin anew. currencies: beside those of ISO 4217, such as credits of your own. warn: shares of a
    budget at which an alert is raised."""

    every_key: KeyLimits = KeyLimits()
    keys: dict[str, KeyLimits] = {}
    teams: dict[str, TeamLimits] = {}
    every_tenant: TenantLimits = TenantLimits()
    tenants: dict[str, TenantLimits] = {}
    time_zone: str = "UTC"
    currencies: tuple[Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")], ...] = ()
    warn: tuple[Annotated[str, msgspec.Meta(pattern=SHARE_PATTERN)], ...] = ("80%", "95%")
    breaker: BreakerConfig = BreakerConfig()


@final
class ToolLimits(msgspec.Struct, frozen=True):
    """rate: for each key. rate_total, concurrency: for all callers together. cost: of one call."""

    rate: Rates = ()
    rate_total: Rates = ()
    cost: str | Cost | None = None
    concurrency: int | None = None
    observe: bool = False


@final
class ServerLimits(msgspec.Struct, frozen=True):
    """For all callers and all that the server offers together."""

    rate: Rates = ()
    concurrency: int | None = None
