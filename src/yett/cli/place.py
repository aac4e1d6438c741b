"""Where a command works: the configuration file, the data directory, and how to print."""

import os
import pwd
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

import click

from yett.core.clock import Clock, SystemClock
from yett.core.errors import CommandError, ConfigurationError, Refusal

if TYPE_CHECKING:  # heavy, and most commands need one of them at most
    from yett.configuration.load import Loaded
    from yett.configuration.model import Configuration
    from yett.credentials.vault import Vault
    from yett.storage.port import Database

_PRIVATE: Final = 0o700
_STORED_ELSEWHERE: Final = re.compile(r"^\s*[\"']?storage\b", re.MULTILINE)
_POSTED: Final = "select 1 from outbox limit 1"
_GATE_SECONDS_MAX: Final = 3.0
_POLL_SECONDS: Final = 0.02


@final
class Place:
    """config_path: the configuration file. data: the data directory (may not exist yet).
    as_json: --json was given. clock: for whatever asks what time it is."""

    def __init__(self, *, config_path: Path, data: Path, as_json: bool = False) -> None:
        self.config_path = config_path
        self.data = data
        self.as_json = as_json
        self.clock: Clock = SystemClock()
        self._loaded: Loaded | None = None
        self._database: Database | None = None

    @property
    def actor(self) -> str:
        """Who runs this, for the record: `cli:<name of the operating system's user>`."""
        user = os.getuid()
        try:
            return f"cli:{pwd.getpwuid(user).pw_name}"
        except KeyError:  # containers run as ids without a name
            return f"cli:{user}"

    @property
    def folder(self) -> Path:
        """Where the configuration lies, and `yett.lock` and the policies beside it."""
        return self.config_path.resolve().parent

    def configuration(self) -> "Configuration":
        """Load the configuration, once.

        Raises:
            ConfigurationError: it cannot be used.
        """
        return self.loaded().configuration

    def loaded(self) -> "Loaded":
        """Load the configuration, once, for who watches its file from then on.

        Raises:
            ConfigurationError: it cannot be used.
        """
        if self._loaded is None:
            from yett.configuration.load import load_fingerprinted

            self._loaded = load_fingerprinted(self.config_path, data=self.data)
        return self._loaded

    def configuration_changed(self) -> None:
        """Say that the file was written: it is loaded again when it is asked for."""
        self._loaded = None

    def configuration_or_default(self) -> "Configuration":
        """Load the configuration; without a file, return what holds then.

        Raises:
            ConfigurationError: there is a file, and it cannot be used.
        """
        if self.config_path.exists():
            return self.configuration()
        from yett.configuration.model import Configuration

        return Configuration()

    def database(self) -> "Database":
        """Open the database, once; make the data directory and bring the tables up to date.

        Raises:
            CommandError: nothing of Yett is here, or the data directory cannot be made private.
            Fault: the database cannot be used.
        """
        if self._database is None:
            if not self.config_path.exists() and not self.data.exists():
                # In the wrong folder, an empty answer would be taken for a true one.
                raise CommandError(
                    f"There is no `{self.config_path}` and no data directory `{self.data}`. Run"
                    " `yett init` to begin here, or name them with --config and --data"
                )
            from yett.app.stores import open_storage

            self._database = open_storage(self._with_storage(), self.make_data())
        return self._database

    def _with_storage(self) -> "Configuration":
        """Return the configuration that says where the database is. One that cannot be used otherwise keeps
        nobody from the database of this machine."""
        try:
            return self.configuration_or_default()
        except ConfigurationError:
            if _STORED_ELSEWHERE.search(self.config_path.read_text(errors="replace")):
                raise
        from yett.configuration.model import Configuration

        return Configuration()

    def vault(self) -> "Vault":
        """Open the vault with the key that the configuration, or YETT_VAULT_PASSPHRASE, names.

        Raises:
            ConfigurationError: the key is missing, weak, or another one.
            Fault: the database cannot be used.
        """
        from yett.app.vault import open_vault

        database = self.database()  # before all else: it knows whether anything of Yett is here
        return open_vault(
            self.configuration_or_default(), data=self.data, database=database, clock=self.clock
        )

    def make_data(self) -> Path:
        """Make the data directory, readable by its owner only (CWE-732), and return it.

        Raises:
            CommandError: it belongs to somebody else, or others may enter it.
        """
        self.data.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        state = self.data.stat()
        if state.st_uid != os.getuid():
            raise CommandError(
                f"`{self.data}` belongs to another user. Run as that user, or choose another --data"
            )
        if state.st_mode & 0o077:
            self.data.chmod(_PRIVATE)
        return self.data

    def say(self, text: str) -> None:
        """Print a sentence for a person; on standard error with --json, so that output stays JSON."""
        click.echo(text, err=self.as_json)

    def print_record(self, record: Mapping[str, Any]) -> None:
        """Print one thing: a JSON object, or a line per field."""
        if self.as_json:
            _print_json(record)
            return
        width = max((len(name) for name in record), default=0)
        for name, value in record.items():
            click.echo(f"{name:<{width}}  {shown(value)}")

    def print_rows(
        self,
        rows: Sequence[Mapping[str, Any]],
        columns: Sequence[str] | None = None,
        *,
        empty: str = "none",
    ) -> None:
        """Print several: one JSON object per line, or a table of `columns` (default: all).

        empty: what to say to a person when there are none.
        """
        if self.as_json:
            for row in rows:
                _print_json(row)
            return
        if not rows:
            click.echo(empty)
            return
        from yett.cli.table import print_table

        names = list(columns or rows[0])
        print_table(names, [[shown(row.get(name)) for name in names] for row in rows])

    def close(self) -> None:
        """Put what was done into the audit log if no gate runs that would, and close the database."""
        if self._database is None:
            return
        try:
            self._record_now(self._database)
        finally:
            self._database.close()
            self._database = None

    def _record_now(self, database: "Database") -> None:
        if not database.fetch(_POSTED):
            return
        from yett.audit.outbox import record_now

        try:
            record_now(self.configuration_or_default().audit, self.data, database, self.clock)
        except (CommandError, ConfigurationError, Refusal) as error:
            click.echo(f"yett: done, and recorded at the gate's next start: {error}", err=True)
            return
        self._wait_for_the_gate(database)

    def _wait_for_the_gate(self, database: "Database") -> None:
        """Return when a gate that runs has taken the change over, so that done means in effect."""
        deadline = self.clock.monotonic() + _GATE_SECONDS_MAX
        while database.fetch(_POSTED) and self.clock.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


def shown(value: object) -> str:
    """One cell. Control characters become `�`: what is printed may come from a hostile server, and a
    terminal obeys escape sequences (CWE-150)."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(shown(item) for item in value) or "-"
    return printable(str(value)).replace("\n", "\N{REPLACEMENT CHARACTER}")


def printable(text: str) -> str:
    """Return text of several lines as a terminal may have it."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _print_json(value: Mapping[str, Any]) -> None:
    import orjson

    click.echo(orjson.dumps(value).decode())
