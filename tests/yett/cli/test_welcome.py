"""What a newcomer is told to type works as it stands."""

from pathlib import Path

import pytest

from yett.cli.command import Place
from yett.cli.welcome import program_name, show_first_key


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


def test_a_key_is_shown_once_and_then_how_to_make_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", [".venv/bin/yett", "up"])
    place = Place(config_path=tmp_path / "yett.yaml", data=tmp_path / ".yett", as_json=False)
    place.config_path.write_text("servers: {}\nroles: {reader: []}\n")
    shown = []
    for _ in range(2):
        show_first_key(place, place.configuration(), "reader", "http://127.0.0.1:8080")
        shown.append(capsys.readouterr().out)
    place.close()

    assert "yett_live_" in shown[0]
    assert "yett_live_" not in shown[1]
    assert ".venv/bin/yett key create NAME --role reader" in shown[1]
