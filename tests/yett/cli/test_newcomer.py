"""Every command in the hands of somebody who has not read the manual: a sentence, a code, no traceback."""

import contextlib
import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from yett.cli import main
from yett.cli.root import COMMANDS, root

COMMON = {"--config", "--data", "--json", "--help"}

# What reads or changes something, and the code where there is nothing yet.
WITHOUT_ANYTHING = {
    ("check",): 2,
    ("up",): 2,
    ("usage",): 1,
    ("key", "list"): 1,
    ("key", "create", "a", "--role", "reader"): 2,
    ("key", "show", "a"): 1,
    ("key", "rotate", "a"): 2,
    ("key", "revoke", "a"): 1,
    ("key", "clock", "--accept"): 1,
    ("secret", "list"): 1,
    ("secret", "set", "a", "--server", "s"): 1,
    ("secret", "rotate", "a"): 1,
    ("secret", "remove", "a"): 1,
    ("secret", "audit"): 1,
    ("tool", "list"): 2,
    ("tool", "show", "s", "t"): 2,
    ("tool", "diff", "s"): 2,
    ("tool", "approve", "s"): 2,
    ("tool", "quarantine", "s", "t"): 2,
    ("policy", "check"): 2,
    ("policy", "show"): 2,
    ("policy", "explain", "--role", "r", "--tool", "s/t"): 2,
    ("server", "list"): 2,
    ("server", "test"): 2,
    ("server", "add", "s", "--command", "run"): 2,
    ("server", "remove", "s"): 2,
    ("audit", "tail"): 1,
    ("audit", "search"): 1,
    ("audit", "show", "x"): 1,
    ("audit", "verify"): 1,
    ("audit", "export", "--output", "x"): 1,
    ("lock", "verify"): 2,
    ("import", "none.json"): 1,
}
# These have something to say even so.
NEED_NO_CONFIGURATION = {"key", "audit", "import"}
BROKEN = "mode: prod\nservers: {a: {url: nonsense, cmd: 1}}\n"


def run(folder: Path, *words: str) -> Result:
    with contextlib.chdir(folder):
        result = CliRunner().invoke(root, list(words), env={"YETT_CONFIG": "", "YETT_DATA": ""})
    assert result.exception is None or isinstance(result.exception, SystemExit), words
    return result


def commands(
    group: click.Group, prefix: tuple[str, ...] = ()
) -> dict[tuple[str, ...], click.Command]:
    found: dict[tuple[str, ...], click.Command] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found |= commands(command, (*prefix, name))
        else:
            found[*prefix, name] = command
    return found


ALL = commands(root)


@pytest.mark.parametrize("words", WITHOUT_ANYTHING, ids=" ".join)
def test_in_an_empty_folder_it_says_how_to_begin_and_leaves_nothing(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    plain = run(tmp_path, *words)
    machine = run(tmp_path, *words, "--json")

    code = WITHOUT_ANYTHING[words]
    assert (plain.exit_code, machine.exit_code) == (code, code)
    assert plain.stderr.startswith("yett: ")
    assert plain.stdout == machine.stdout == ""
    error = json.loads(machine.stderr)
    assert error["message"]
    if words[0] not in {"audit", "import"}:
        assert "yett init" in plain.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", WITHOUT_ANYTHING, ids=" ".join)
def test_a_broken_configuration_is_told_whole_with_its_lines(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "yett.yaml").write_text(BROKEN)

    plain = run(tmp_path, *words)

    if words[0] in NEED_NO_CONFIGURATION and plain.exit_code != 2:
        return
    assert plain.exit_code == 2
    lines = plain.stderr.splitlines()
    assert lines[0] == "yett: the configuration cannot be used"
    assert [line.split(" ")[0] for line in lines[1:]] == ["yett.yaml:1:", *["yett.yaml:2:"] * 2]
    problems = json.loads(run(tmp_path, *words, "--json").stderr)["problems"]
    assert [problem["line"] for problem in problems] == [1, 2, 2]


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_says_what_it_does_and_explains_every_option(words: tuple[str, ...]) -> None:
    command = ALL[words]
    result = CliRunner().invoke(root, [*words, "--help"])

    assert result.exit_code == 0
    assert command.help, words
    first = command.help.strip().splitlines()[0]
    assert first[0].isupper(), first
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not COMMON & set(parameter.opts):
            assert parameter.help, parameter.name
    assert all(len(line) <= 100 for line in result.stdout.splitlines())


@pytest.mark.parametrize(
    "words", [words for words in ALL if words != ("completion",)], ids=" ".join
)
def test_wrong_use_is_code_two_and_json_when_asked_for(words: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    for form in ((), ("--json",)):
        with pytest.raises(SystemExit) as ended:
            main([*words, "--no-such-option", *form])
        told = capfd.readouterr()
        assert ended.value.code == 2
        assert told.out == ""
        if form:
            assert "no-such-option" in json.loads(told.err)["message"]
        else:
            assert "--help" in told.err


def test_every_command_of_the_table_is_tried() -> None:
    tried = {words[0] for words in WITHOUT_ANYTHING} | {"init", "demo", "schema", "completion"}
    there = {words[0] for words in ALL}

    assert there <= tried | {
        "catalogue",
        "prove",
        "scan",
        "probe",
        "checklist",
        "approval",
        "alert",
    }
    assert there <= set(COMMANDS)
