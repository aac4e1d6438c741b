"""The command line as a whole: quick, complete, and clear when something is wrong."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from yett.cli import main
from yett.cli.command import Place, command
from yett.cli.place import shown
from yett.cli.root import COMMANDS, root
from yett.cli.table import print_table
from yett.core.errors import CommandError, ConfigurationError, Fault, Problem
from yett.core.reasons import Reason


def yett(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "yett", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def fails_with(error: BaseException) -> click.Command:
    @click.command()
    @command()
    def failing(place: Place) -> None:
        del place
        raise error

    return failing


def test_help_lists_the_commands_and_imports_none_of_them(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom yett.cli.root import root\n"
        "root.main(['--help'], standalone_mode=False)\n"
        "print(sorted(m for m in sys.modules if m.startswith('yett.') or m in ('yaml', 'rich', 'msgspec')))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert "import      Take over" in result.stdout
    assert "schema" in result.stdout
    assert result.stdout.splitlines()[-1] == "['yett.cli', 'yett.cli.root']"


def test_every_listed_command_can_be_loaded_and_has_the_three_options() -> None:
    context = click.Context(root)
    for name in root.list_commands(context):
        found = root.get_command(context, name)
        assert found is not None
        if name == "completion" or isinstance(found, click.Group):
            continue
        options = {option for parameter in found.params for option in parameter.opts}
        assert {"--config", "--data", "--json"} <= options, name


def test_every_file_of_a_command_is_listed() -> None:
    folder = Path(__file__).parents[3] / "src" / "yett" / "cli"
    with_command = {
        path.stem
        for path in folder.glob("*.py")
        if "\ngroup = " in path.read_text() or "def group(" in path.read_text()
    }

    assert with_command <= {entry.module for entry in COMMANDS.values()}


def test_an_unknown_command_is_wrong_use(tmp_path: Path) -> None:
    result = yett("frobnicate", cwd=tmp_path)

    assert result.returncode == 2
    assert "frobnicate" in result.stderr


def test_a_missing_argument_is_wrong_use(tmp_path: Path) -> None:
    assert yett("import", cwd=tmp_path).returncode == 2


def test_the_version_is_shown(tmp_path: Path) -> None:
    assert yett("--version", cwd=tmp_path).stdout.startswith("yett 0.")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    result = CliRunner().invoke(root, ["completion", shell])

    assert result.exit_code == 0
    assert "_YETT_COMPLETE" in result.output


def test_the_names_of_commands_are_completed(tmp_path: Path) -> None:
    result = yett(
        cwd=tmp_path, _YETT_COMPLETE="bash_complete", COMP_WORDS="yett ch", COMP_CWORD="1"
    )

    assert "plain,check" in result.stdout.splitlines()


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (CommandError("Do this first"), 1, "yett: Do this first\n"),
        (Fault(Reason.INTERNAL_ERROR, "the database is busy"), 1, "yett: the database is busy\n"),
        (PermissionError(13, "denied", "/a/b"), 1, "yett: cannot use `/a/b`: Permission denied."),
        (OSError("odd"), 1, "yett: the system refused: odd\n"),
        (
            ConfigurationError(
                [Problem("one", fix="a."), Problem("two", fix="b.", file="f", line=3)]
            ),
            2,
            "yett: the configuration cannot be used\none. a.\nf:3: two. b.\n",
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_error_is_one_clear_sentence_and_a_code(
    error: BaseException, code: int, text: str
) -> None:
    result = CliRunner().invoke(fails_with(error), [])

    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith(text)


def test_with_json_an_error_is_json_on_standard_error() -> None:
    error = ConfigurationError([Problem("one", fix="a.", path=("x", 1), file="f", line=3)])

    result = CliRunner().invoke(fails_with(error), ["--json"])

    assert result.exit_code == 2
    assert json.loads(result.stderr) == {
        "error": "configuration",
        "message": "the configuration cannot be used",
        "problems": [{"file": "f", "line": 3, "path": ["x", 1], "message": "one", "fix": "a."}],
    }


def test_ctrl_c_ends_quietly(tmp_path: Path) -> None:
    script = (
        "import sys, time, click\nfrom yett.cli.root import root, _run\n"
        "from yett.cli.command import command\n"
        "@root.command('wait')\n@command()\ndef wait(place):\n    print('ready', flush=True)\n    time.sleep(20)\n"
        "root.get_command = lambda context, name: wait\n"
        "sys.exit(_run(['wait']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130
        assert process.stderr.read() == b""


def test_a_reader_that_goes_away_is_no_error_to_talk_about(tmp_path: Path) -> None:
    result = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m yett schema | head -n 1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert result.stdout == "{\n"
    assert result.stderr == ""


def _where(*arguments: str) -> tuple[str, str]:
    seen: list[tuple[str, str]] = []

    @click.command()
    @command()
    def show(place: Place) -> None:
        seen.append((str(place.config_path), str(place.data)))

    assert CliRunner().invoke(show, list(arguments)).exit_code == 0
    return seen[0]


def test_the_place_comes_from_options_then_variables_then_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("YETT_CONFIG", raising=False)
    monkeypatch.delenv("YETT_DATA", raising=False)
    assert _where() == ("yett.yaml", ".yett")
    assert _where("--config", "/a/b.yaml") == ("/a/b.yaml", "/a/.yett")

    monkeypatch.setenv("YETT_CONFIG", "/c/d.yaml")
    monkeypatch.setenv("YETT_DATA", "/e")

    assert _where() == ("/c/d.yaml", "/e")
    assert _where("--config", "/a/b.yaml", "--data", "/f") == ("/a/b.yaml", "/f")


def test_the_data_directory_is_private_even_if_it_was_not(tmp_path: Path) -> None:
    place = Place(config_path=tmp_path / "yett.yaml", data=tmp_path / "data")
    (tmp_path / "data").mkdir(mode=0o755)

    place.make_data()

    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_the_database_is_made_once_and_closed_with_the_command(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    place = Place(config_path=tmp_path / "yett.yaml", data=tmp_path / "data")

    database = place.database()
    assert place.database() is database
    assert database.version() >= 0

    place.close()
    place.close()


def test_a_damaged_database_gets_a_sentence(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "yett.db").write_bytes(b"this is no database at all" * 100)
    (data / "yett.db").chmod(0o600)

    @click.command()
    @command()
    def use(place: Place) -> None:
        place.database()

    result = CliRunner().invoke(use, ["--data", str(data)])

    assert result.exit_code == 1
    assert result.stderr.startswith("yett: ")
    assert result.stderr.count("\n") == 1


def _printed(
    capsys: pytest.CaptureFixture[str], use: Callable[[Place], None], *, as_json: bool
) -> str:
    use(Place(config_path=Path("a"), data=Path("b"), as_json=as_json))
    return capsys.readouterr().out


def test_rows_are_a_table_or_one_object_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, Any]] = [
        {"name": "a", "roles": ["x", "y"], "gone": None},
        {"name": "b", "roles": [], "gone": True},
    ]

    table = _printed(capsys, lambda p: p.print_rows(rows, ["name", "roles"]), as_json=False)
    lines = _printed(capsys, lambda p: p.print_rows(rows), as_json=True)

    assert [line.split() for line in table.splitlines()] == [
        ["name", "roles"],
        ["a", "x,", "y"],
        ["b", "-"],
    ]
    assert [json.loads(line) for line in lines.splitlines()] == rows
    assert _printed(capsys, lambda p: p.print_rows([]), as_json=False) == "none\n"
    assert _printed(capsys, lambda p: p.print_rows([]), as_json=True) == ""


def test_a_record_is_lines_or_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    record = {"id": "x", "roles": ["a"]}

    assert (
        _printed(capsys, lambda p: p.print_record(record), as_json=False) == "id     x\nroles  a\n"
    )
    assert json.loads(_printed(capsys, lambda p: p.print_record(record), as_json=True)) == record


def test_a_terminal_is_given_no_escape_sequence() -> None:
    assert shown("a\x1b[2Jb\u202ec\nd") == "a�[2Jb�c�d"


def test_starting_is_quick(tmp_path: Path) -> None:
    began = time.monotonic()
    yett("--help", cwd=tmp_path)

    assert time.monotonic() - began < 1.5


def test_main_exits_with_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])

    assert caught.value.code == 0
    assert "Commands:" in capsys.readouterr().out


def test_a_problem_without_a_line_names_the_file_alone() -> None:
    assert str(Problem("it is gone", fix="Bring it back", file="yett.lock")).startswith(
        "yett.lock: it is gone"
    )
    assert str(Problem("it is gone", fix="Bring it back", file="a.yaml", line=3)).startswith(
        "a.yaml:3: it is gone"
    )


def test_a_table_is_as_wide_as_its_cells_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_table(("id", "what"), [("x" * 60, "y" * 60)])
    assert f"{'x' * 60}  {'y' * 60}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "meant"),
    [(["chek"], "check"), (["audit", "verfy"], "verify"), (["key", "lst"], "list")],
)
def test_a_mistyped_command_is_answered_with_what_was_meant(words: list[str], meant: str) -> None:
    result = CliRunner().invoke(root, words)

    assert result.exit_code == 2
    assert f"'{meant}'" in result.output.split("Did you mean", 1)[1]
