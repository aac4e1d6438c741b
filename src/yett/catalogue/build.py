"""Configuration in, the stage out."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from yett.catalogue.backends.lock_file import LockFile
from yett.catalogue.config import LOCK_NAME, CatalogueConfig
from yett.catalogue.diff import TextFindings, no_findings
from yett.catalogue.forcing import without_forced
from yett.catalogue.hiding import without_hidden
from yett.catalogue.pinning import Classes
from yett.catalogue.port import Discoverer, LockStore, RecordEvent, SchemaCheck
from yett.catalogue.stage import Catalogue
from yett.catalogue.verifier import Verifier
from yett.core.clock import Clock
from yett.core.errors import ConfigurationError, Problem
from yett.core.seal import Sealer
from yett.core.target import JSON, Access


def build(
    config: CatalogueConfig,
    *,
    discoverer: Discoverer,
    schema_check: SchemaCheck,
    text_findings: TextFindings = no_findings,
    record_event: RecordEvent,
    clock: Clock,
    sealer: Sealer,
    shipped: Mapping[str, Mapping[str, Access]],
) -> Catalogue:
    """Return the stage. Nothing is verified yet: run its `watch`.

    shipped: by server, what a ready-made entry says of its tools (`entries.find_entry`).

    Raises:
        ConfigurationError: `yett.lock` is damaged, or not signed though it must be.
    """
    verifier = Verifier(
        config,
        discoverer=discoverer,
        store=LockFile(Path(config.lock_path), read_signers(config.signed_by)),
        schema_check=schema_check,
        text_findings=text_findings,
        record_event=record_event,
        clock=clock,
        classes=classes_by_server(config, shipped),
    )
    altered = {key: partial(_altered, config, key) for key in (*config.forced, *config.hidden)}
    return Catalogue(verifier, sealer, altered)


def _altered(config: CatalogueConfig, key: str, definition: dict[str, JSON]) -> dict[str, JSON]:
    """Return what is shown of a tool."""
    if key in config.forced:
        definition = without_forced(definition, config.forced[key])
    if key in config.hidden:
        definition = without_hidden(definition, config.hidden[key])
    return definition


def open_lock(folder: Path, signed_by: Sequence[str] = ()) -> LockStore:
    """Return the way to `yett.lock`, for commands. folder: where the configuration file lies. signed_by:
    who must have signed it; without any, it is read as it is.

    Raises:
        ConfigurationError: one of the keys is none.
    """
    return LockFile(folder / LOCK_NAME, read_signers(signed_by))


def read_signers(signed_by: Sequence[str]) -> frozenset[bytes]:
    """Return the keys that may sign the lock.

    Raises:
        ConfigurationError: one is no key.
    """
    if not signed_by:
        return frozenset()
    from yett.catalogue.signing import read_signer  # noqa: PLC0415 - cryptography, if signed

    keys: set[bytes] = set()
    problems: list[Problem] = []
    for place, line in enumerate(signed_by):
        try:
            keys.add(read_signer(line))
        except ValueError as error:
            fix = "Write the whole line of a file like `id_ed25519.pub`; `yett lock key FILE` makes one."
            problems.append(Problem(str(error), fix=fix, path=("lock", "signed_by", place)))
    if problems:
        raise ConfigurationError(problems)
    return frozenset(keys)


def classes_by_server(
    config: CatalogueConfig, shipped: Mapping[str, Mapping[str, Access]]
) -> dict[str, Classes]:
    operator: dict[str, dict[str, Access]] = {server: {} for server in config.servers}
    for (server, tool), access in config.access.items():
        operator.setdefault(server, {})[tool] = access
    return {server: Classes(said, shipped.get(server, {})) for server, said in operator.items()}
