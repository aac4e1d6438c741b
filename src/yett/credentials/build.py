"""Configuration in, vault and armourer out."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from yett.core.clock import Clock
from yett.core.errors import ConfigurationError, Fault, Problem
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.credentials.backends.embedded import EmbeddedSource
from yett.credentials.backends.environment import EnvironmentSource
from yett.credentials.backends.file import FileSource, read_secret_file
from yett.credentials.config import CredentialConfig, VaultConfig
from yett.credentials.envelope import Envelope
from yett.credentials.headers import header_forms
from yett.credentials.key import KEY_FILE, SALT_BYTES, derive_key, make_key_file, read_key
from yett.credentials.port import SecretSource
from yett.credentials.references import parse_text, parse_value
from yett.credentials.stage import Armourer, Plan
from yett.credentials.vault import Vault
from yett.storage.port import Database

_SALT = "vault.salt"


def open_vault(
    config: VaultConfig,
    *,
    data: Path,
    database: Database,
    clock: Clock,
    passphrase: Secret | None = None,
    production: bool = False,
) -> Vault:
    """Open the vault, and begin it at first use.

    passphrase: takes the place of the key file. production: the key must exist and lie outside the
    data directory, so that whoever copies the directory has no secret.

    Raises:
        ConfigurationError: the key is missing, readable by others, weak, or another one.
        Fault: the database did not answer.
    """
    if passphrase is not None:
        if config.key_file is not None:
            raise _wrong("there is both a key file and a passphrase", "Keep one of the two.")
        key = derive_key(passphrase, _salt(database))
    else:
        key = _key_of_file(config, data=data, database=database, production=production)
    vault = Vault(Envelope(key), database=database, clock=clock)
    if not vault.confirm():
        raise _wrong(
            "this is not the key that the vault was begun with",
            "Give the right key file or passphrase; without it, the secrets must be stored again.",
        )
    return vault


def build(  # noqa: PLR0913 - each is one part of the configuration
    servers: Mapping[str, CredentialConfig | None],
    *,
    vault: Vault,
    clock: Clock,
    record_event: Callable[[dict[str, Any]], None],
    lease_seconds: float,
    allow_environment: bool,
    environment: Mapping[str, str],
    environments: Mapping[str, Mapping[str, str]] | None = None,
    commands: Mapping[str, tuple[str, ...]] | None = None,
    cut: Callable[[str], None] = lambda _principal: None,
) -> Armourer:
    """Prepare everything that a call needs.

    servers: every configured server, None for one without a credential. environment: Yett's own
    variables, for `env:`. environments, commands: of the stdio servers, by name. cut: revokes the key of
    who sends a honeytoken that demands it.

    Raises:
        ConfigurationError: all that is wrong with the credentials, at once.
    """
    plans: dict[str, Plan] = {}
    problems: list[Problem] = []
    for server, config in servers.items():
        try:
            plans[server] = _plan(
                server,
                config,
                environment=(environments or {}).get(server, {}),
                command=(commands or {}).get(server, ()),
            )
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    sources: dict[str, SecretSource] = {"secret": EmbeddedSource(vault), "file": FileSource()}
    if allow_environment:
        sources["env"] = EnvironmentSource(environment)
    return Armourer(
        plans=plans,
        sources=sources,
        clock=clock,
        record_event=record_event,
        lease_seconds=lease_seconds,
        honeytokens=vault.honeytokens,
        cut=cut,
    )


def read_reference(reference: str, variables: Mapping[str, str]) -> Secret:
    """Return the value of `file:/path` or `env:NAME`, for what is needed before there is a vault.

    Raises:
        Fault: there is none, or others can read it.
    """
    kind, _, name = reference.partition(":")
    if kind == "file":
        return read_secret_file(Path(name))[0]
    value = variables.get(name) if kind == "env" else None
    if not value:
        raise Fault(Reason.INTERNAL_ERROR, f"the environment variable {name} is not set")
    return Secret(value)


def _plan(
    server: str,
    config: CredentialConfig | None,
    *,
    environment: Mapping[str, str],
    command: tuple[str, ...],
) -> Plan:
    path = ("servers", server)
    return Plan(
        headers=header_forms(server, config),
        environment=tuple(
            (name, parse_value(text, path=(*path, "env", name)))
            for name, text in environment.items()
        ),
        command=tuple(
            parse_text(text, path=(*path, "command", index)) for index, text in enumerate(command)
        ),
    )


def _key_of_file(
    config: VaultConfig, *, data: Path, database: Database, production: bool
) -> Secret:
    path = Path(config.key_file) if config.key_file else data / KEY_FILE
    if config.key_file and not path.is_absolute():
        # The gate and the commands may be started in different directories.
        raise _wrong("the vault's key file is no absolute path", "Write it from `/` on.")
    if production and path.resolve().is_relative_to(data.resolve()):
        raise _wrong(
            "in production the vault's key does not lie in the data directory",
            "Move it to another place, name that in `vault.key_file`, or use a passphrase.",
        )
    if not path.exists():
        begun = database.fetch("select 1 from facts where name = ?", ("vault.check",))
        # Looked for again: another process may have made both since.
        if (begun or production) and not path.exists():
            raise _wrong(
                f"the vault's key file {path} is missing",
                "Put it back from where you keep a copy."
                if begun
                else "Make it with `head -c 32 /dev/urandom | base64 > FILE && chmod 600 FILE`.",
            )
        make_key_file(path)
    return read_key(path)


def _salt(database: Database) -> bytes:
    with database.transaction() as transaction:
        transaction.execute(
            "insert into facts (name, value) values (?, ?) on conflict (name) do nothing",
            (_SALT, secrets.token_bytes(SALT_BYTES)),
        )
        value = transaction.fetch("select value from facts where name = ?", (_SALT,))[0][0]
    if not isinstance(value, bytes) or len(value) != SALT_BYTES:
        raise _wrong("the vault's salt was changed", "Restore the database from its last backup.")
    return value


def _wrong(message: str, fix: str) -> ConfigurationError:
    return ConfigurationError([Problem(message, fix=fix, path=("vault", "key_file"))])
