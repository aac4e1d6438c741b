"""`yett audit`: what an operator sees, with and without a gate that runs."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.yett.audit.scene import auditor_over, call, one_call, open_log
from yett.cli.root import root
from yett.core.errors import Denied
from yett.core.reasons import Reason

HOSTILE = "\x1b[2J\u202e\x9b31m"


@pytest.fixture(name="data")
def _data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    with open_log(data / "audit") as log:
        auditor = auditor_over(log)
        asyncio.run(fill(auditor))
    return data


async def fill(auditor: Any) -> None:
    for number in range(3):
        await one_call(auditor, f"r-{number}")
    record = auditor.begin(call(id_="bad", name=f"git__{HOSTILE}"))
    await record.close(record.refuse(Denied(Reason.UNKNOWN_TOOL, HOSTILE)))
    auditor.event({"event": "secret.retrieved", "call": "r-1", "secret": "github"})


def run(data: Path, *arguments: str, code: int = 0) -> Result:
    config = ["--config", str(data.parent / "yett.yaml")]
    result = CliRunner().invoke(root, ["audit", *arguments, *config, "--data", str(data)])
    assert result.exit_code == code, result.output
    return result


def rows(data: Path, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(data, *arguments, "--json").stdout.splitlines()]


def test_a_search_prints_one_whole_record_per_line_newest_last(data: Path) -> None:
    found = rows(data, "search")

    assert [entry["id"] for entry in found] == ["r-0", "r-1", "r-2", "bad"]
    assert found[0]["status"] == "ok"


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--decision", "denied"], ["bad"]),
        (["--reason", "unknown_tool"], ["bad"]),
        (["--status", "refused"], ["bad"]),
        (["--status", "input_required"], []),
        (["--tool", "git/log"], ["r-0", "r-1", "r-2"]),
        (["--tool", "git", "--limit", "2"], ["r-1", "r-2"]),
        (["--server", "git", "--key", "laptop", "--tenant", "acme", "--id", "r-1"], ["r-1"]),
        (["--since", "1h", "--limit", "1"], ["bad"]),
        (["--since", "2999-01-01"], []),
        (["--until", "2999-01-01T00:00:00+02:00", "--limit", "1"], ["bad"]),
        (["--kind", "event", "--text", "SECRET.retrieved"], [None]),
        (["--text", "r-2"], ["r-2"]),
    ],
)
def test_a_search_takes_any_field(data: Path, options: list[str], ids: list[str | None]) -> None:
    assert [entry.get("id") for entry in rows(data, "search", *options)] == ids


def test_tail_shows_the_newest(data: Path) -> None:
    assert [entry["id"] for entry in rows(data, "tail", "-n", "2")] == ["r-2", "bad"]
    assert "git/log" in run(data, "tail").stdout


def test_a_row_says_what_an_event_is_about_and_what_was_asked_of_a_server(data: Path) -> None:
    with open_log(data / "audit") as log:
        auditor = auditor_over(log)
        auditor.event({"event": "tool.pinned", "server": "git", "tool": "log"})
        for asked in (
            call("tools/list", server="git", name=""),
            call("resources/subscribe", name="git__file", id_="watch"),
            call("prompts/get", name="git__summary"),
        ):
            record = auditor.begin(asked)
            asyncio.run(record.close(record.refuse(Denied(Reason.RATE_LIMITED, "too many"))))

    printed = run(data, "tail", "--kind", "all").stdout

    assert "tool.pinned git/log " in printed
    assert "secret.retrieved github " in printed
    assert " git tools/list " in printed
    assert " git__file resources/subscribe " in printed
    assert " git__summary  " in printed


def test_a_table_has_no_column_that_none_of_its_records_needs(data: Path) -> None:
    with open_log(data / "audit") as log:
        auditor = auditor_over(log)
        auditor.event({"event": "server.unreachable", "server": "git", "problem": "gone"})
        auditor.event({"event": "secret.retrieved", "name": "token", "server": "git"})

    events = run(data, "tail", "--kind", "event").stdout.splitlines()
    assert events[0].split() == ["at", "caller", "what", "why"]
    assert ["-", "server.unreachable", "git", "gone"] in [row.split()[1:] for row in events]
    assert any("secret.retrieved token for git" in row for row in events)
    calls = run(data, "tail").stdout.splitlines()[0].split()
    assert calls == ["at", "id", "caller", "what", "decision", "reason", "status", "latency_ms"]
    assert run(data, "tail", "--id", "nobody").stdout == "none\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--reason", "rate_limitd"], "Did you mean `rate_limited`?"),
        (["--reason", "?"], "There are: unauthenticated, "),
        (["--tool", "git.log"], "Did you mean `git/log`?"),
        (["--tool", "git__log"], "Did you mean `git/log`?"),
    ],
)
def test_what_cannot_be_found_is_not_answered_with_none(
    data: Path, options: list[str], said: str
) -> None:
    assert said in run(data, "search", *options, code=1).output
    assert rows(data, "search", "--tool", "git/log.all__of__it") == []


def test_no_terminal_obeys_what_is_printed(data: Path) -> None:
    for arguments in (["search"], ["search", "--json"], ["show", "bad"], ["tail", "--kind", "all"]):
        printed = run(data, *arguments).stdout
        assert not any(character in printed for character in "\x1b\x9b\u202e")


def test_show_prints_a_record_with_the_events_of_its_call(data: Path) -> None:
    [entry] = rows(data, "show", "r-1")

    assert entry["id"] == "r-1"
    assert [event["event"] for event in entry["events"]] == ["secret.retrieved"]
    assert "secret.retrieved" in run(data, "show", "r-1").stdout
    assert "no record has the id" in run(data, "show", "r-9", code=1).output


def test_verify_says_ok_and_how_much(data: Path) -> None:
    assert run(data, "verify").stdout.startswith("ok 7 records (11 lines, 1 to 11, in 1 segments)")
    [verdict] = rows(data, "verify")
    assert (verdict["ok"], verdict["records"], verdict["damage"]) == (True, 7, None)


def test_verify_says_where_the_chain_breaks(data: Path) -> None:
    [path] = (data / "audit").glob("segment-*")
    path.write_bytes(path.read_bytes().replace(b'"id":"r-1"', b'"id":"r-7"', 1))

    printed = run(data, "verify", code=1).stdout

    assert f"broken: {path.name}:5: record 5: altered" in printed
    verdict = json.loads(run(data, "verify", "--json", code=1).stdout)
    assert (verdict["ok"], verdict["damage"]["line"]) == (False, 5)


def test_verify_names_a_damage_that_is_in_no_line_and_a_note_that_is_gone(data: Path) -> None:
    [path] = (data / "audit").glob("segment-*")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    assert "broken: record 10: tail" in run(data, "verify", code=1).stdout

    (data / "audit" / "head").unlink()
    assert "`head` is missing" in run(data, "verify").stdout


def test_verify_shows_progress_on_a_long_log(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yett.cli.audit_proof._LONG_BYTES", 10)

    assert "ok 7 records" in run(data, "verify").stdout


def test_everything_works_while_the_gate_writes(data: Path) -> None:
    with open_log(data / "audit") as log:
        asyncio.run(one_call(auditor_over(log), "live"))

        assert rows(data, "search")[-1]["id"] == "live"
        assert run(data, "verify").stdout.startswith("ok 9 records")


def test_export_writes_a_file_for_its_owner_only(data: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"

    run(data, "export", "--output", str(output), "--decision", "allowed")

    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [line["id"] for line in lines] == ["r-0", "r-1", "r-2"]
    assert output.stat().st_mode & 0o777 == 0o600
    assert "exists already" in run(data, "export", "--output", str(output), code=1).output


def test_a_log_that_is_not_there_and_a_time_that_is_none_are_told(
    data: Path, tmp_path: Path
) -> None:
    assert "there is no audit log" in run(tmp_path / "none", "verify", code=1).output
    assert "is no time" in run(data, "search", "--since", "yesterday", code=1).output


def test_the_configuration_says_where_the_log_is(data: Path) -> None:
    (data.parent / "yett.yaml").write_text("audit: {directory: elsewhere}\n")

    assert "elsewhere" in run(data, "verify", code=1).output


@pytest.mark.parametrize("option", ["--json", "--kind=decision"])
def test_follow_goes_on(data: Path, option: str) -> None:
    arguments = ["audit", "tail", "-n", "1", "--follow", option, "--data", str(data)]
    arguments += ["--config", str(data.parent / "none.yaml")]
    follower = subprocess.Popen(
        [sys.executable, "-m", "yett", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[3] / "src"), "PYTHONUNBUFFERED": "1"},
    )
    assert follower.stdout is not None
    try:
        while "bad" not in follower.stdout.readline():
            pass
        time.sleep(0.05)
        with open_log(data / "audit") as log:
            asyncio.run(one_call(auditor_over(log), "fresh"))
            assert "fresh" in follower.stdout.readline()
    finally:
        follower.terminate()
        follower.wait()
        follower.stdout.close()


def test_a_broken_configuration_keeps_nobody_from_the_record(data: Path) -> None:
    (data.parent / "yett.yaml").write_text("nonsense: true\n")
    result = run(data, "verify")

    assert result.stdout.startswith("ok ")
    assert "yett check" in result.stderr
