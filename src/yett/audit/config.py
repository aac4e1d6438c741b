"""The `audit` section of the configuration."""

from typing import Annotated, final

import msgspec

from yett.core.quantities import Duration


@final
class AuditConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """directory: meant from the folder of `yett.yaml`; default: `audit` in the data directory.
    retention: how long segments are kept; production wants at least 90d. segment_megabytes: when a
    new file is begun."""

    directory: str | None = None
    retention: Duration = "90d"
    segment_megabytes: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 64
