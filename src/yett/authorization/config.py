"""The `roles`, `policies`, `labels` and `approvals` sections of the configuration, and what a tool's section says to policies."""

from typing import Annotated, Literal, final

import msgspec

from yett.core.quantities import Duration

ROLE_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
GRANT_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}\.(\*|[A-Za-z0-9_.-]{1,128}):(read|write)$"
Grant = Annotated[
    str,
    msgspec.Meta(
        pattern=GRANT_PATTERN,
        description="SERVER.TOOL:read or :write; TOOL may be *. `write` does not include `read`.",
    ),
]
RoleName = Annotated[str, msgspec.Meta(pattern=ROLE_PATTERN)]
Roles = dict[RoleName, tuple[Grant, ...]]

Label = Literal["private", "untrusted"]


@final
class LabelsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """window: how long a caller is taken to remember what it has seen, from the last time it saw it."""

    window: Duration = "12h"


APPROVALS = "approvals"
"""For whom the secret of the webhook is stored, beside servers."""
VAULT_PATTERN = r"^secret:[a-z0-9][a-z0-9_-]{0,62}$"
SecretReference = Annotated[
    str, msgspec.Meta(pattern=VAULT_PATTERN, description="secret:NAME, of the vault")
]


@final
class ApprovalsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """webhook: where a program of yours is told of each call that waits for a person. secret: what these
    messages are signed with."""

    webhook: str | None = None
    secret: SecretReference | None = None


@final
class ToolMarks(msgspec.Struct, frozen=True):
    """labels: what the results of the tool are; whoever has seen one has touched it. egress: the tool
    sends what it is given to somewhere outside. rows: its answers have rows that can be told apart, and
    policies say who sees which."""

    labels: tuple[Label, ...] = ()
    egress: bool = False
    rows: bool = False


@final
class RowRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the rows are that a tool answers, so that each caller is shown those that policies about
    `Action::"row"` permit, and no others.

    at: JSON pointer from the result to the list of rows, or several: `/structuredContent/customers`; `*`
    stands for each element. One that does not begin with `/structuredContent` leads into the JSON of a
    text block: `""` if that is a list itself. text: where a result has no `structuredContent`, the same
    place is looked for in the JSON of its text blocks. hide: fields that nobody is shown: by name,
    wherever they stand in the answer, or by pointer from the row. max: how many rows a caller is shown.
    sql: its statements are rewritten so that they reach the caller's rows only, which is enough; then the
    rows need no place in the answer.
    """

    at: str | tuple[str, ...] = ()
    text: bool = True
    hide: tuple[str, ...] = ()
    max: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None
    sql: bool = False
