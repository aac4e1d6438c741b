"""What a test needs that lies outside the repository's own files.

`make test` sets up all that can be set up, and says so in YETT_TESTS_SET_UP: from then on what is missing is a
failure, for a test that is quietly left out shows nothing. Only who runs pytest by hand may leave it out.

PostgreSQL, Valkey (or Redis), OpenSSH and strace are the machine's own, which `make test` does not install. `.ci/run` does, and says so in
YETT_TESTS_MACHINE_SET_UP: from then on they must be there, too.

The corpora may be read where they lie, beside the repository, and not be copied into it: they are other
people's. Without them the tests that read them are left out, wherever they run.
"""

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

IS_SET_UP: Final = bool(os.environ.get("YETT_TESTS_SET_UP"))
MACHINE_IS_SET_UP: Final = bool(os.environ.get("YETT_TESTS_MACHINE_SET_UP"))
CORPORA: Final = Path(__file__).parents[2] / "shared" / "corpora"
_DEBIAN_POSTGRES: Final = Path("/usr/lib/postgresql")
"""Debian keeps the programs of each version in a folder of its own, outside of PATH."""


def needs(*paths: Path) -> pytest.MarkDecorator:
    """Leave a test out where one of these was not set up."""
    missing = [path.name for path in paths if not path.exists()]
    return pytest.mark.skipif(
        bool(missing) and not IS_SET_UP, reason=f"`make test` sets up {', '.join(missing)}"
    )


def need(found: object, what: str) -> None:
    """As `needs`, in the middle of a test.

    Raises:
        AssertionError: it was set up, and yet is not there.
    """
    if not found and not IS_SET_UP:
        pytest.skip(f"`make test` sets up {what}")
    assert found, f"{what} is not there, though it was set up"


def needs_corpus(name: str) -> pytest.MarkDecorator:
    """Leave a test out where there are no corpora beside the repository."""
    return pytest.mark.skipif(
        not (CORPORA / name).exists(), reason=f"the corpora are not beside the repository: {name}"
    )


def postgres_programs() -> Path | None:
    """Return the folder with `initdb` and `postgres`, of the newest version; None: it is not installed."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(_DEBIAN_POSTGRES.glob("*/bin/initdb"), key=_version)
    return versions[-1].parent if versions else None


def valkey_program() -> str | None:
    """Return the server, by whichever name it is installed."""
    return shutil.which("valkey-server") or shutil.which("redis-server")


def _version(program: Path) -> int:
    name = program.parts[-3]
    return int(name) if name.isdigit() else 0


def _needs_of_machine(found: object, what: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        not found and not MACHINE_IS_SET_UP, reason=f"{what} is not installed on this machine"
    )


needs_postgres: Final = _needs_of_machine(postgres_programs(), "PostgreSQL")
needs_valkey: Final = _needs_of_machine(valkey_program(), "Valkey or Redis")
needs_openssh: Final = _needs_of_machine(shutil.which("ssh-keygen"), "OpenSSH")
needs_strace: Final = _needs_of_machine(shutil.which("strace"), "strace")
