"""The `audit` section of the configuration."""

from typing import Annotated, Literal, final

import msgspec

from yett.audit.shipping.config import ShipConfig, ShipName
from yett.core.quantities import Duration


@final
class BucketSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """bucket: s3://NAME/PREFIX. lock: nobody can delete a checkpoint for so long (the bucket must have object
    lock). endpoint, region: of a store that is not Amazon's."""

    bucket: str
    lock: Duration | None = None
    endpoint: str | None = None
    region: str | None = None


@final
class WitnessSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A C2SP tlog-witness. url: what `/add-checkpoint` is put behind. key: its public key, `name+id+key`. ca:
    PEM file of the only authorities to trust for it."""

    url: str
    key: str
    ca: str | None = None


@final
class CheckpointPlaceSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the three. directory: on another disk; it must be there."""

    directory: str | None = None
    s3: BucketSection | None = None
    witness: WitnessSection | None = None


@final
class CheckpointsSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """every: how often the log is signed, if it grew. to: where that is kept, besides the copy in the log's
    own directory."""

    every: Duration = "1m"
    to: tuple[CheckpointPlaceSection, ...] = ()


@final
class AuditConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """directory: meant from the folder of `yett.yaml`; default: `audit` in the data directory.
    retention: how long segments are kept; production wants at least 90d. segment_megabytes: when a
    new file is begun. durability: `strict` treats every call as one that writes: its lines are on the disk
    itself before things go on. retention_by_tenant: whose records are kept for longer than that; a
    segment goes when all in it may go. delete_only_archived: a segment that `yett audit archive` has not put
    anywhere stays. ship: who gets a copy of it, by a name of yours."""

    directory: str | None = None
    retention: Duration = "90d"
    retention_by_tenant: dict[str, Duration] = {}
    delete_only_archived: bool = False
    segment_megabytes: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 64
    durability: Literal["standard", "strict"] = "standard"
    checkpoints: CheckpointsSection = CheckpointsSection()
    ship: dict[ShipName, ShipConfig] = {}
