"""What a newcomer is told to type works as it stands."""

from pathlib import Path

import pytest

from yett.cli.welcome import program_name


@pytest.mark.parametrize(
    ("called", "in_path", "name"),
    [
        (".venv/bin/yett", False, ".venv/bin/yett"),
        ("/opt/bin/yett", True, "yett"),
        ("/opt/yett/__main__.py", False, "yett"),
    ],
)
def test_a_program_that_is_not_in_the_path_is_named_by_its_own(
    called: str, in_path: bool, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if in_path:
        (tmp_path / "yett").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", [called, "up"])

    assert program_name() == name
