"""`yett init`, `yett check` and `yett schema`: the first minute."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from yett.cli.check import group as check
from yett.cli.init import group as init
from yett.cli.schema import group as schema
from yett.configuration.load import load
from yett.configuration.schema import json_schema


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("YETT_CONFIG", raising=False)
    monkeypatch.delenv("YETT_DATA", raising=False)
    return tmp_path


def test_the_first_file_is_short_commented_and_right(here: Path) -> None:
    result = CliRunner().invoke(init, [])

    text = (here / "yett.yaml").read_text()
    assert result.exit_code == 0
    assert len(text.splitlines()) < 15
    assert "#" in text
    assert load(here / "yett.yaml").servers["notes"].command[1:] == ("-m", "yett.assurance.notes")
    assert (here / ".yett").stat().st_mode & 0o777 == 0o700
    assert "yett key create" in result.output
    assert CliRunner().invoke(check, []).output == "ok: yett.yaml, development, 1 server\n"


def test_the_commented_example_is_right_too(here: Path) -> None:
    CliRunner().invoke(init, [])
    path = here / "yett.yaml"
    path.write_text(re.sub(r"(?m)^  # ", "  ", path.read_text()))

    assert load(path).servers["github"].credential is not None


def test_a_file_that_is_there_is_left_alone(here: Path) -> None:
    (here / "yett.yaml").write_text("mode: development\n")

    result = CliRunner().invoke(init, [])

    assert result.exit_code == 1
    assert "--force" in result.output
    assert (here / "yett.yaml").read_text() == "mode: development\n"
    assert CliRunner().invoke(init, ["--force"]).exit_code == 0
    assert "notes" in (here / "yett.yaml").read_text()


def test_the_data_directory_is_kept_out_of_git_once(here: Path) -> None:
    (here / ".git").mkdir()
    (here / ".gitignore").write_text("*.pyc")

    first = CliRunner().invoke(init, [])
    CliRunner().invoke(init, ["--force"])

    assert "added .yett/ to" in first.output
    assert (here / ".gitignore").read_text() == "*.pyc\n.yett/\n"


def test_without_git_no_gitignore_is_made(here: Path) -> None:
    CliRunner().invoke(init, ["--directory", "deep/er"])

    assert (here / "deep" / "er" / "yett.yaml").exists()
    assert (here / "deep" / "er" / ".yett").is_dir()
    assert not list(here.rglob(".gitignore"))


def test_init_says_in_json_what_it_made() -> None:
    result = CliRunner().invoke(init, ["--json"])

    assert json.loads(result.output) == {"config": "yett.yaml", "data": ".yett", "gitignore": None}


def test_check_shows_every_problem_and_exits_with_two(here: Path) -> None:
    (here / "yett.yaml").write_text("mode: prod\nlisten: 1\nservers: {a: {}}\n")

    result = CliRunner().invoke(check, [])
    as_json = CliRunner().invoke(check, ["--json"])

    assert result.exit_code == as_json.exit_code == 2
    assert [line.split(" ")[0] for line in result.stderr.splitlines()[1:]] == [
        "yett.yaml:1:",
        "yett.yaml:2:",
        "yett.yaml:3:",
    ]
    assert [p["line"] for p in json.loads(as_json.stderr)["problems"]] == [1, 2, 3]


def test_check_starts_and_makes_nothing(here: Path) -> None:
    (here / "yett.yaml").write_text("servers: {a: {command: [touch, started]}}\n")

    result = CliRunner().invoke(check, ["--json"])

    assert json.loads(result.output)["servers"] == ["a"]
    assert [path.name for path in here.iterdir()] == ["yett.yaml"]


def test_check_without_a_file_says_how_to_make_one() -> None:
    result = CliRunner().invoke(check, [])

    assert result.exit_code == 2
    assert "yett init" in result.output


def test_the_schema_is_printed() -> None:
    assert json.loads(CliRunner().invoke(schema, []).output) == json_schema()
    assert CliRunner().invoke(schema, ["--json"]).output.count("\n") == 1
