"""The whole of `yett.yaml` as one frozen value: one field per domain, unknown keys refused.

The JSON Schema for editors is made from these types, and the loader validates against that same
schema, so what an editor accepts and what Yett accepts cannot drift apart.
"""

from typing import Annotated, Literal, final

import msgspec

from yett.audit.config import AuditConfig
from yett.authentication.config import AuthenticationConfig
from yett.authorization.config import Roles
from yett.core.quantities import DURATION_PATTERN
from yett.core.target import Access
from yett.credentials.config import CredentialConfig, VaultConfig
from yett.limits.config import LimitsConfig, MoneyText, Rates
from yett.sanitising.config import Handling
from yett.telemetry.config import TelemetryConfig

Duration = Annotated[str, msgspec.Meta(pattern=DURATION_PATTERN)]
ServerName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9-]|_(?!_)){0,61}[a-z0-9]?$")]
ListenAddress = Annotated[
    str, msgspec.Meta(pattern=r"^(\[[0-9a-fA-F:]+\]|[0-9A-Za-z.-]+):[0-9]{1,5}$")
]


@final
class ToolSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the operator says about one tool.

    access: its class; unclassified is `write`. rate: for each key. rate_total: for all callers.
    cost: fixed price of a call. open: let undeclared arguments through. secrets: what to do with
    secrets in its answers.
    """

    access: Access | None = None
    rate: Rates = ()
    rate_total: Rates = ()
    cost: MoneyText | None = None
    open: bool = False
    secrets: Handling = "redact"


@final
class ServerSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One MCP server: either `url` or `command`."""

    url: str | None = None
    command: tuple[str, ...] = ()
    env: dict[str, str] = {}
    cwd: str | None = None
    credential: CredentialConfig | None = None
    tools: dict[str, ToolSection] = {}
    timeout: Duration = "30s"
    ca: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    allow_stdio_in_production: bool = False


@final
class AdminSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    listen: ListenAddress = "127.0.0.1:8081"


@final
class TlsSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """certificate, key: PEM files, read again when they change. development_ca: use a certificate of
    Yett's own local CA instead (development only; `yett init` explains how to trust it)."""

    certificate: str | None = None
    key: str | None = None
    development_ca: bool = False


@final
class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`yett.yaml`. allowed_hosts / allowed_origins: beyond the listen address itself."""

    mode: Literal["development", "production"] = "development"
    listen: ListenAddress = "127.0.0.1:8080"
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    tls: TlsSection | None = None
    admin: AdminSection = AdminSection()
    authentication: AuthenticationConfig = AuthenticationConfig()
    servers: dict[ServerName, ServerSection] = {}
    roles: Roles = {}
    policies: str = "policies"
    limits: LimitsConfig = LimitsConfig()
    vault: VaultConfig = VaultConfig()
    audit: AuditConfig = AuditConfig()
    telemetry: TelemetryConfig = TelemetryConfig()
