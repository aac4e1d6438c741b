"""A PostgreSQL of the test's own: a fresh cluster on a free port of loopback, gone when the test is over.

    with serving_postgres() as postgres:
        postgres.run("create table books (title text)")
        connection = await asyncpg.connect(postgres.dsn())

It starts in about two seconds and keeps nothing safe: it is never synced to the disk.
"""

import asyncio
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from tests.needs import postgres_programs
from tests.outside.gate import free_port

OWNER: Final = "postgres"
"""The superuser of a cluster."""
_PERSONS: Final = ("postgres", "nobody")
"""Who runs it where the tests run as root, which PostgreSQL refuses."""
_START_SECONDS_MAX: Final = 20.0
_STOP_SECONDS_MAX: Final = 10.0
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "16MB",
    "max_connections": "40",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


@dataclass(frozen=True)
class Postgres:
    """password: of the superuser. In a coroutine, connect with `dsn` instead of `run` and `fetch`."""

    port: int
    password: str

    def dsn(
        self, user: str = OWNER, password: str | None = None, database: str = "postgres"
    ) -> str:
        """Return the address; user, password: the superuser unless said otherwise."""
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the superuser, each in a transaction of its own."""
        asyncio.run(self._run(statements, database))

    def fetch(self, query: str, database: str = "postgres") -> list[dict[str, Any]]:
        """Return the rows of one query, as the superuser sees them."""
        return asyncio.run(self._fetch(query, database))

    async def _run(self, statements: Sequence[str], database: str) -> None:
        async with self._connected(database) as connection:
            for statement in statements:
                await connection.execute(statement)

    async def _fetch(self, query: str, database: str) -> list[dict[str, Any]]:
        async with self._connected(database) as connection:
            return [dict(row) for row in await connection.fetch(query)]

    @contextlib.asynccontextmanager
    async def _connected(self, database: str) -> Any:
        connection = await asyncpg.connect(self.dsn(database=database), timeout=10)
        try:
            yield connection
        finally:
            await connection.close(timeout=5)


@contextlib.contextmanager
def serving_postgres() -> Iterator[Postgres]:
    """Make a cluster and serve it until the block ends."""
    programs = postgres_programs()
    assert programs is not None, "PostgreSQL is not installed; mark the test with `needs_postgres`"
    person = _person()
    folder = Path(tempfile.mkdtemp(prefix="yett-postgres-"))
    try:
        if person is not None:
            shutil.chown(folder, person)
        postgres = Postgres(free_port(), secrets.token_urlsafe(24))
        _make(programs, folder, postgres, person)
        process = _start(programs, folder, postgres, person)
        try:
            _wait(process, folder)
            yield postgres
        finally:
            _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _person() -> str | None:
    """Return whom to run it as; None: as who runs the tests."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _PERSONS if name in known)


def _make(programs: Path, folder: Path, postgres: Postgres, person: str | None) -> None:
    password = folder / "password"
    password.write_text(postgres.password)
    if person is not None:
        shutil.chown(password, person)
    done = subprocess.run(
        [
            programs / "initdb", "--pgdata", folder / "data", "--username", OWNER, "--no-sync",
            "--no-locale", "--encoding", "UTF8", "--auth", "scram-sha-256", "--pwfile", password,
        ],
        capture_output=True, text=True, timeout=60, check=False, user=person, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _start(
    programs: Path, folder: Path, postgres: Postgres, person: str | None
) -> subprocess.Popen[bytes]:
    settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", "-p", str(postgres.port), *settings],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=person, cwd=folder,
        )  # fmt: skip


def _wait(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until it says in its own file that it takes connections."""
    started = time.monotonic()
    while not _is_ready(folder / "data" / "postmaster.pid"):
        printed = (folder / "log").read_text(errors="replace")
        assert process.poll() is None, printed
        assert time.monotonic() - started < _START_SECONDS_MAX, printed
        time.sleep(0.05)


def _is_ready(file: Path) -> bool:
    with contextlib.suppress(OSError):
        return file.read_text().rstrip().endswith("ready")
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End it at once, open connections included ("fast shutdown")."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)
        process.wait(_STOP_SECONDS_MAX)
