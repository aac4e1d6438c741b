"""The `authentication` section of the configuration."""

from typing import final

import msgspec

from yett.core.quantities import Duration


@final
class AuthenticationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """key_lifetime: default expiry of a new key. rotation_overlap: how long the old secret of a
    rotated key still works."""

    key_lifetime: Duration = "90d"
    rotation_overlap: Duration = "24h"
