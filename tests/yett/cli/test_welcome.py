"""What a newcomer is told to type works as it stands."""

from pathlib import Path

import pytest

from yett.cli.welcome import program_name


@pytest.mark.parametrize(
    ("called", "in_path", "name"),
    [
        (".venv/bin/yett", [], ".venv/bin/yett"),
        ("/opt/bin/yett", ["yett"], "yett"),
        ("/opt/yett/__main__.py", [], "yett"),
    ],
)
def test_a_program_that_is_not_in_the_path_is_named_by_its_own(
    called: str, in_path: list[str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in in_path:
        (tmp_path / program).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", [called, "up"])

    assert program_name() == name
