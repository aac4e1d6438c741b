"""The vault that a configuration means, for the gate and for commands."""

from pathlib import Path

import yett.credentials.build
from yett.configuration.environment import variable
from yett.configuration.model import Configuration
from yett.core.clock import Clock
from yett.core.secret import Secret
from yett.credentials.vault import Vault
from yett.storage.port import Database


def open_vault(
    configuration: Configuration, *, data: Path, database: Database, clock: Clock
) -> Vault:
    """Open the embedded vault with its key file, or with the passphrase in `YETT_VAULT_PASSPHRASE`.

    Raises:
        ConfigurationError: the key is missing, weak, or another one.
        Fault: the database did not answer.
    """
    passphrase = variable("YETT_VAULT_PASSPHRASE")
    return yett.credentials.build.open_vault(
        configuration.vault,
        data=data,
        database=database,
        clock=clock,
        passphrase=None if passphrase is None else Secret(passphrase),
        production=configuration.mode == "production",
    )
