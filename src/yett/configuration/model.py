"""The whole of `yett.yaml` as one frozen value: one field per domain, unknown keys refused.

The JSON Schema for editors is made from these types, and the loader validates against that same
schema, so what an editor accepts and what Yett accepts cannot drift apart.
"""

from typing import Annotated, Literal, final

import msgspec

from yett.alerts.config import AlertsConfig
from yett.audit.config import AuditConfig
from yett.authentication.config import AuthenticationConfig
from yett.authorization.config import ApprovalsConfig, Label, LabelsConfig, Roles, RowRules
from yett.catalogue.config import LockConfig
from yett.core.quantities import Duration
from yett.core.target import SERVER_NAME_PATTERN, Access
from yett.credentials.config import CredentialConfig, VaultConfig
from yett.limits.config import LimitsConfig, Places, Price, Rates
from yett.sanitising.config import Detector, DetectorName, Handling
from yett.storage.config import CountersConfig, StorageConfig
from yett.telemetry.config import TelemetryConfig
from yett.validation.config import Arguments

ServerName = Annotated[str, msgspec.Meta(pattern=SERVER_NAME_PATTERN)]
ListenAddress = Annotated[
    str, msgspec.Meta(pattern=r"^(\[[0-9a-fA-F:]+\]|[0-9A-Za-z.-]+):[0-9]{1,5}$")
]
NodeName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
PIN_PATTERN = r"^sha256/[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$"
Pin = Annotated[
    str,
    msgspec.Meta(
        pattern=PIN_PATTERN,
        description="sha256/ and the SHA-256 of a public key (SubjectPublicKeyInfo) in base64",
    ),
]


@final
class ToolSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the operator says about one tool.

    access: its class; unclassified is `write`. labels: what its results are, for policies: `private`, or
    `untrusted` (others write them). egress: it sends what it is given to somewhere outside. rate: for each key. rate_total,
    concurrency: for all callers. idempotent: twice is as good as once, so a call that its server broke off is made once more. observe: these are counted and refuse nobody. cost: of a call. open: let undeclared arguments through. arguments: what they are, beside
    their types: paths, URLs, statements. secrets, personal_data, injections, links: what to do with what is
    found of it in its answers: note it, replace it, mark the texts of the answer as data, refuse the answer.
    spotlight: mark the texts of each of its answers as data. link_hosts: where links in its answers may lead,
    and below. rows: where the rows in its answers are, so that each caller sees its own.
    """

    access: Access | None = None
    labels: tuple[Label, ...] = ()
    egress: bool = False
    idempotent: bool = False
    rate: Rates = ()
    rate_total: Rates = ()
    concurrency: Places | None = None
    observe: bool = False
    cost: Price | None = None
    open: bool = False
    arguments: Arguments = {}
    secrets: Handling = "redact"
    personal_data: Handling = "flag"
    injections: Handling = "flag"
    links: Handling = "flag"
    spotlight: bool = False
    link_hosts: tuple[str, ...] = ()
    rows: RowRules | None = None


@final
class ServerSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One MCP server: `url`, `command`, or `kind: sql` with a `database`. Paths are meant from the folder of
    `yett.yaml`.

    url: where it speaks Streamable HTTP. command: a program that speaks over its standard input and
    output, and its arguments. One without a `/` is searched for in PATH; one with a `/` that is not
    absolute, and relative arguments, are meant from `cwd`. env: its variables. cwd: folder it starts
    in; default: the one of `yett.yaml`. kind: `sql` is Yett's own server before a database. database: where
    that is, without a password. tables: the only ones that may be read; default: all that the role may
    read. credential: what is sent to a `url`, or the password of a `database`. timeout: for one answer.
    ca: PEM file with the only authorities to trust for this server, in place of the system's.
    client_certificate, client_key: PEM files, shown to a server that asks. pins: public keys that the
    server may have, on top of everything else; a second one lets the first be replaced.
    labels: what everything it answers is, for policies, beside what its tools' sections say.
    may_ask: what the server may ask of a caller in the middle of a call: `elicitation` (a form or a page
    for the person), `sampling` (of the caller's model), `roots` (its folders); without it, nothing.
    rate, concurrency: of all callers and tools together.
    allow_stdio_in_production: production starts no program unless this says so for it.
    """

    url: str | None = None
    command: tuple[str, ...] = ()
    env: dict[str, str] = {}
    cwd: str | None = None
    kind: Literal["sql"] | None = None
    database: str | None = None
    tables: tuple[str, ...] = ()
    credential: CredentialConfig | None = None
    tools: dict[str, ToolSection] = {}
    timeout: Duration = "30s"
    ca: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    pins: tuple[Pin, ...] = ()
    labels: tuple[Label, ...] = ()
    may_ask: tuple[Literal["elicitation", "sampling", "roots"], ...] = ()
    rate: Rates = ()
    concurrency: Places | None = None
    allow_stdio_in_production: bool = False


@final
class AdminSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    listen: ListenAddress = "127.0.0.1:8081"


@final
class TlsSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """certificate, key: PEM files, read again when they change; paths are meant from the folder of
    `yett.yaml`. development_ca: use a certificate of Yett's own local CA instead, made and renewed in
    `tls` of the data directory (development only; its callers must trust `tls/ca.pem` there)."""

    certificate: str | None = None
    key: str | None = None
    development_ca: bool = False


@final
class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`yett.yaml`. allowed_hosts / allowed_origins: beyond the listen address itself. policies: folder
    with `*.cedar` files, meant from the folder of `yett.yaml` like every path that is not absolute; one
    that is named must be there. discovery: what `/mcp` lists: `all` tools that the key may call, or the
    three of `search` (find, describe, call), for catalogues that no model should read whole. storage,
    counters: what several gates share; a URL, or a section. node: this gate's name in the records; default:
    the machine's."""

    mode: Literal["development", "production"] = "development"
    listen: ListenAddress = "127.0.0.1:8080"
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    tls: TlsSection | None = None
    admin: AdminSection = AdminSection()
    discovery: Literal["all", "search"] = "all"
    authentication: AuthenticationConfig = AuthenticationConfig()
    servers: dict[ServerName, ServerSection] = {}
    lock: LockConfig = LockConfig()
    roles: Roles = {}
    policies: str = "policies"
    labels: LabelsConfig = LabelsConfig()
    approvals: ApprovalsConfig = ApprovalsConfig()
    detectors: dict[DetectorName, Detector] = {}
    limits: LimitsConfig = LimitsConfig()
    vault: VaultConfig = VaultConfig()
    audit: AuditConfig = AuditConfig()
    alerts: AlertsConfig = AlertsConfig()
    telemetry: TelemetryConfig = TelemetryConfig()
    storage: StorageConfig | str | None = None
    counters: CountersConfig | str | None = None
    node: NodeName | None = None
