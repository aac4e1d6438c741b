"""What a tool's section says about its class, and where the lock file lies."""

from typing import Final, final

import msgspec

from yett.core.target import Access

LOCK_NAME: Final = "yett.lock"
"""Beside the configuration file."""
SIGNATURE_SUFFIX: Final = ".sig"


@final
class LockConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """signed_by: public keys, each as in `id_ed25519.pub`; with any, a lock that none of them has signed
    is not taken, and nothing is approved by itself."""

    signed_by: tuple[str, ...] = ()


@final
class CatalogueConfig(msgspec.Struct, frozen=True, kw_only=True):
    """lock_path: `yett.lock` beside the configuration. pin_at_first_sight: development only.
    servers: the configured names, in order. access: (server, tool) → the operator's class.
    forced: by `server/tool`, the places of arguments that the gate sets itself. hidden: by
    `server/tool`, of those some of whose rows are not shown, fields that never are. signed_by: see
    `LockConfig`."""

    lock_path: str
    pin_at_first_sight: bool
    servers: tuple[str, ...]
    access: dict[tuple[str, str], Access]
    forced: dict[str, tuple[tuple[str, ...], ...]] = {}
    hidden: dict[str, tuple[str, ...]] = {}
    signed_by: tuple[str, ...] = ()
