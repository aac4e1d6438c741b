"""What the page about speed tells its reader to type does what it says; only the minutes of building are left to
`make compiled-test`."""

import re
import subprocess
import sys
from typing import Final

from scripts.compile import BUILD

from tests.docs.pages import PAGES, ROOT

PAGE: Final = PAGES["docs/how-to/make-it-faster.md"]
COMMANDS: Final = "".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def command(begins: str) -> str:
    (found,) = (line for line in COMMANDS.splitlines() if line.startswith(begins))
    return found


def run(line: str) -> subprocess.CompletedProcess[str]:
    python = re.sub(r"^(python3|\.venv/bin/python) ", f"{sys.executable} ", line)
    return subprocess.run(
        ["sh", "-c", python], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_python_says_how_it_was_built() -> None:
    done = run(command("python3 -c"))

    assert done.returncode == 0, done.stderr
    assert "--" in done.stdout


def test_the_check_says_whether_there_is_something_to_build() -> None:
    done = run(command(".venv/bin/python scripts/compile.py --check"))

    assert (done.returncode, "is not of this source" in done.stdout) in ((0, False), (1, True))
    assert str(BUILD) in done.stdout


def test_what_is_built_is_what_the_gate_is_started_with() -> None:
    built = run(
        f"make -n --no-print-directory -o .venv/.dev {command('make compiled')[len('make ') :]}"
    ).stdout
    path = command("PYTHONPATH=").removeprefix("PYTHONPATH=").split()[0]

    assert built.split()[-1] == "scripts/compile.py"
    assert ROOT / path == BUILD
