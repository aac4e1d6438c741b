"""What `mode: production` demands; each refusal names the line to change."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from yett.configuration.model import Configuration
from yett.core.errors import Problem
from yett.core.quantities import duration_seconds
from yett.credentials.references import references_of

_RETENTION_SECONDS_MIN: Final = 90 * 86400.0
_ENVIRONMENT: Final = "env:"


def production_problems(
    configuration: Configuration, data: Path, *, passphrase: bool
) -> Iterator[Problem]:
    """Return what keeps this configuration from production. data: the data directory. passphrase: of
    the vault, is set; it takes the place of the key file."""
    yield from _tls(configuration)
    yield from _servers(configuration)
    yield from _limits(configuration)
    if duration_seconds(configuration.audit.retention) < _RETENTION_SECONDS_MIN:
        yield Problem(
            "production keeps the audit log for at least 90 days",
            fix="Write audit: {retention: 90d} or longer.",
            path=("audit", "retention"),
        )
    yield from _checkpoints(configuration, data)
    if not configuration.alerts.to:
        yield Problem(
            "production tells somebody of what it finds, and there is nobody to tell",
            fix="Write alerts: {to: {ops: {slack: secret:NAME}}}, or a webhook, e-mail or syslog.",
            path=("alerts", "to"),
        )
    if not passphrase:
        yield from _vault(configuration, data)


def _checkpoints(configuration: Configuration, data: Path) -> Iterator[Problem]:
    """The record is worth what somebody else can say of it."""
    audit = configuration.audit
    fix = "Name a directory on another disk, a bucket with object lock, or a witness."
    if not audit.checkpoints.to:
        yield Problem(
            "production keeps checkpoints of the audit log in a second place",
            fix=fix,
            path=("audit", "checkpoints"),
        )
    log = Path(audit.directory or data)
    for number, place in enumerate(audit.checkpoints.to):
        if place.directory is not None and _is_same_disk(Path(place.directory), log):
            yield Problem(
                "checkpoints on the disk of the log go where the log goes",
                fix=fix,
                path=("audit", "checkpoints", "to", number, "directory"),
            )


def _is_same_disk(place: Path, log: Path) -> bool:
    """A place that is not there is on no disk yet; a log that is not there will be on its folder's."""
    while not log.exists() and log != log.parent:
        log = log.parent
    try:
        return place.stat().st_dev == log.stat().st_dev
    except OSError:
        return False


def _tls(configuration: Configuration) -> Iterator[Problem]:
    tls = configuration.tls
    if tls is None or tls.development_ca or tls.certificate is None or tls.key is None:
        path = ("tls", "development_ca") if tls is not None and tls.development_ca else ("tls",)
        yield Problem(
            "production serves TLS with a certificate that its callers can verify",
            fix="Write tls: {certificate: /path/chain.pem, key: /path/key.pem}.",
            path=path,
        )


def _servers(configuration: Configuration) -> Iterator[Problem]:
    for name, server in configuration.servers.items():
        path = ("servers", name)
        if server.command and not server.allow_stdio_in_production:
            yield Problem(
                "production starts no program that is not allowed by name",
                fix="Use the server's url, or add allow_stdio_in_production: true.",
                path=(*path, "command"),
            )
        held = {
            "env": server.env.values(),
            "credential": references_of(server.credential, {}, ()),
        }
        for key, references in held.items():
            if any(reference.startswith(_ENVIRONMENT) for reference in references):
                yield Problem(
                    "production takes no secret from the environment, which every child inherits",
                    fix=f"Run `yett secret set NAME --server {name}` and write secret:NAME.",
                    path=(*path, key),
                )


def _limits(configuration: Configuration) -> Iterator[Problem]:
    if not configuration.limits.every_key.rate:
        yield Problem(
            "production limits every key",
            fix="Write limits: {every_key: {rate: 60/minute}}.",
            path=("limits", "every_key"),
        )


def _vault(configuration: Configuration, data: Path) -> Iterator[Problem]:
    key_file = configuration.vault.key_file
    inside = key_file is None or Path(key_file).resolve().is_relative_to(data.resolve())
    if inside:
        yield Problem(
            "whoever copies the data directory would have the vault and its key",
            fix="Write vault: {key_file: /another/place/vault.key}, or set YETT_VAULT_PASSPHRASE.",
            path=("vault", "key_file"),
        )
