"""What has been established about a call so far. Each stage takes one proof and returns the next.

Only the stage that is named may construct a proof (tests/architecture/test_proofs.py), so holding a
`Permitted` means that authorization said yes, and two lines of `pipeline.py` in the wrong order do
not type-check. msgspec structs: frozen, slotted, and about ten times cheaper to make than a frozen
dataclass. `gc=False`: a proof holds only what was there before it, so there is no cycle that the
collector would have to find.
"""

from typing import final

import msgspec

from yett.core.call import Call, RpcError
from yett.core.identity import Principal
from yett.core.predicate import RowRule
from yett.core.secret import Secret
from yett.core.standing import Standing
from yett.core.talk import Resumption
from yett.core.target import JSON, Target


@final
class Identified(msgspec.Struct, frozen=True, gc=False):
    """Made by authentication: the credential is good, and the session (if any) is the caller's."""

    call: Call
    principal: Principal


@final
class Resolved(msgspec.Struct, frozen=True, gc=False):
    """Made by catalogue: the name means exactly this approved definition, verified as current."""

    call: Call
    principal: Principal
    target: Target


@final
class Inventory(msgspec.Struct, frozen=True):
    """Made by catalogue, for lists: everything approved in the scope of the call, in stable order."""

    call: Call
    principal: Principal
    targets: tuple[Target, ...]


@final
class Ask(msgspec.Struct, frozen=True):
    """What a person has to say yes to first. policies: ids of those that ask. people: how many
    different ones. seconds: how long the question waits, and then the yes. shown: a text for the
    caller and the approver, of the operator's. own: the person at the caller may be the one."""

    policies: tuple[str, ...]
    people: int = 1
    seconds: int = 3_600
    shown: str = ""
    own: bool = False


@final
class Agreement(msgspec.Struct, frozen=True):
    """Who said yes to a call. id: of the approval. approvers: their names. break_glass: one answered in
    place of all who were to be asked. is_used: by an earlier round of the same call."""

    id: str
    approvers: tuple[str, ...]
    break_glass: bool = False
    is_used: bool = False


@final
class Permitted(msgspec.Struct, frozen=True, gc=False):
    """Made by authorization: this caller may do this. `policies`: ids of the deciding policies."""

    call: Call
    principal: Principal
    target: Target
    policies: tuple[str, ...]
    version: str
    """Of the policy set that decided."""
    standing: Standing
    """What the stages keep about this caller and this target."""
    ask: Ask | None = None
    """Set if a person has to agree as well."""
    rows: RowRule | None = None
    """Set if the caller may see some rows only."""


@final
class PermittedList(msgspec.Struct, frozen=True):
    """Made by authorization, for lists: the part of the inventory that the caller may call."""

    call: Call
    principal: Principal
    targets: tuple[Target, ...]
    version: str


@final
class Validated(msgspec.Struct, frozen=True, gc=False):
    """Made by validation: the arguments fit the approved schema and the bounds."""

    permitted: Permitted
    arguments: dict[str, JSON]
    encoded: bytes = b""
    """Compact JSON of `arguments`, as it is recorded and sent on; empty: not made."""
    resumption: Resumption | None = None
    """Set if the call goes on: its next round, already paid for."""
    consent: Resumption | None = None
    """Set if the caller brings the answer to a question of the gate's own."""


@final
class Confirmed(msgspec.Struct, frozen=True, gc=False):
    """Made by authorization: a person agreed to exactly this call, or nobody had to."""

    validated: Validated
    agreement: Agreement | None = None
    """None: nobody had to."""


@final
class Admitted(msgspec.Struct, frozen=True, gc=False):
    """Made by limits: counted, and paid for in advance. `cost_micros`: what is reserved."""

    validated: Validated
    cost_micros: int = 0
    currency: str = "USD"
    agreement: Agreement | None = None


@final
class Credential(msgspec.Struct, frozen=True, gc=False):
    """What the upstream gets instead of the caller's own. `names`: for the record, never values."""

    headers: tuple[tuple[str, Secret], ...] = ()
    names: tuple[str, ...] = ()


@final
class Armed(msgspec.Struct, frozen=True, gc=False):
    """Made by credentials: with the secret that this server's configuration names, and no other."""

    admitted: Admitted
    credential: Credential


@final
class Answered(msgspec.Struct, frozen=True, gc=False):
    """Made by upstreams: what came back, parsed strictly, not yet trusted. One of the two is set."""

    armed: Armed
    untrusted: dict[str, JSON] | None
    error: RpcError | None
    bytes_received: int
    seconds: float
    encoded: bytes = b""
    """`untrusted`, where it came as compact JSON: what `encode` would write of it. Empty: not made."""
    is_text: bool = False
    """`untrusted` is known to be the result of a plain `tools/call` that is one text and nothing besides."""


@final
class Cleaned(msgspec.Struct, frozen=True, gc=False):
    """Made by sanitising: fit to leave. `findings`: names of what was flagged or redacted."""

    answered: Answered
    result: dict[str, JSON] | None
    error: RpcError | None
    encoded: bytes
    """Compact JSON of `result` or of the error, as it will be sent and as it is digested."""
    findings: tuple[str, ...] = ()
