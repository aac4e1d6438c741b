"""What a server's section says about its credential, and the `vault` section."""

from typing import Annotated, Final, final

import msgspec

from yett.core.quantities import Duration

NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,62}$"
"""What a secret in the vault may be called: a literal, so no glob and no path can be a name."""

REFERENCE_PATTERN = r"^(secret:[a-z0-9][a-z0-9_-]{0,62}|file:/.+|env:[A-Za-z_][A-Za-z0-9_]*)$"
Reference = Annotated[
    str,
    msgspec.Meta(
        pattern=REFERENCE_PATTERN,
        description="secret:NAME, file:/path or env:NAME (development only); never the value",
    ),
]


@final
class BasicCredential(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    username: str
    password: Reference


@final
class CredentialConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one form. bearer: `Authorization: Bearer …`. headers: header name → reference. password: of
    the role in a `database`, and of nothing else."""

    bearer: Reference | None = None
    basic: BasicCredential | None = None
    headers: dict[str, Reference] = {}
    password: Reference | None = None


@final
class VaultConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """key_file: where the key-encryption key lies, meant from the folder of `yett.yaml` (default:
    `vault.key` in the data directory; production wants another place, or a passphrase in the variable
    YETT_VAULT_PASSPHRASE, and then no key file). lease: how long a value may be kept in memory."""

    key_file: str | None = None
    lease: Duration = "60s"
