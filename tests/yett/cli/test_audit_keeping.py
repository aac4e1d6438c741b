"""`yett audit hold|archive|restore`: what stays, where, and that it is what it was."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from tests.buckets import CREDENTIALS, bucket_store, client
from tests.yett.audit.index import longer
from yett.cli.root import root


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    longer.write(folder / "audit", seed=5, crashes=1, calls=40)
    return folder


@pytest.fixture
def data(written: Path, tmp_path: Path) -> Path:
    folder = shutil.copytree(written, tmp_path / "data")
    folder.chmod(0o700)
    (tmp_path / "yett.yaml").write_text("mode: development\n")
    return folder


def run(data: Path, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    config = ["--config", str(data.parent / "yett.yaml"), "--data", str(data), "--json"]
    result = CliRunner().invoke(root, ["audit", *arguments, *config])
    assert result.exit_code == code, result.output
    lines = (result.stdout if code == 0 else result.stderr).splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def sealed(data: Path) -> list[Path]:
    """Return the segments that get no more lines, as the log is now."""
    return sorted((data / "audit").glob("segment-*.jsonl"))[:-1]


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def test_an_archive_is_searched_exported_and_verified_like_the_log(
    data: Path, tmp_path: Path
) -> None:
    there = sealed(data)
    [done] = run(data, "archive", "--to", str(tmp_path / "archive"), "--parquet")
    assert done["archived"] == len(there)
    assert {path.name for path in tmp_path.glob("archive/audit/*")} == {
        f"{p.name}.gz" for p in there
    }
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("archive/*/*")} == {0o600}

    alone = tmp_path / "alone"
    (alone / "audit").mkdir(parents=True)
    for path in there:
        shutil.copy(path, alone / "audit")
    for question in (
        ("--tenant", "acme"),
        ("--text", "reset"),
        ("--kind", "all"),
        ("--status", "unknown"),
    ):
        assert run(tmp_path / "archive", "search", *question) == run(alone, "search", *question)
    [verdict] = run(tmp_path / "archive", "verify")
    [expected] = run(alone, "verify")
    assert verdict["ok"] is True
    assert (verdict["lines"], verdict["chain"]) == (expected["lines"], expected["chain"])


def test_what_is_restored_is_what_was(data: Path, tmp_path: Path) -> None:
    run(data, "archive", "--to", str(tmp_path / "archive"))
    [done] = run(data, "restore", str(tmp_path / "archive"), "--to", str(tmp_path / "back"))

    before = {path.name: path.read_bytes() for path in sealed(data)[: done["segments"]]}
    assert {path.name: path.read_bytes() for path in tmp_path.glob("back/audit/*")} == before
    run(data, "restore", str(tmp_path / "archive"), "--to", str(tmp_path / "back"), code=1)


def test_parquet_holds_each_line_as_it_is(data: Path, tmp_path: Path) -> None:
    there = sealed(data)
    run(data, "archive", "--to", str(tmp_path / "archive"), "--parquet")

    for path in there:
        table = tmp_path / "archive" / "parquet" / f"{path.stem}.parquet"
        rows = (
            duckdb.connect()
            .execute("select line from read_parquet(?) order by sequence", [str(table)])
            .fetchall()
        )
        assert "".join(f"{line}\n" for (line,) in rows).encode() == path.read_bytes()
    counted = (
        duckdb.connect()
        .execute(
            "select count(*) from read_parquet(?) where kind = 'refusal' and tenant = 'acme'",
            [str(tmp_path / "archive" / "parquet" / "*.parquet")],
        )
        .fetchone()
    )
    lines = [json.loads(line) for path in there for line in path.read_text().splitlines()]
    expected = sum(line["kind"] == "refusal" and line["tenant"] == "acme" for line in lines)
    assert counted == (expected,)


def test_what_is_there_is_not_copied_again_and_each_copy_is_a_record(
    data: Path, tmp_path: Path
) -> None:
    run(data, "archive", "--to", str(tmp_path / "archive"))
    [again] = run(data, "archive", "--to", str(tmp_path / "archive"))
    told = run(data, "search", "--kind", "event", "--where", "event=archive.written")

    assert again["archived"] < 3  # what the first run wrote may have sealed a segment
    names = [event["details"]["segment"] for event in told]
    assert {f"{name}.gz" for name in names} == {p.name for p in tmp_path.glob("archive/audit/*")}
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("at", [3, 40, -6, -40])
def test_a_damaged_copy_is_said_and_not_shown(data: Path, tmp_path: Path, at: int) -> None:
    run(data, "archive", "--to", str(tmp_path / "archive"))
    [first, *_] = sorted(tmp_path.glob("archive/audit/*"))
    packed = bytearray(first.read_bytes())
    packed[at] ^= 0x41
    first.write_bytes(packed)

    [error] = run(tmp_path / "archive", "search", "--kind", "all", code=1)
    assert first.name in error["message"]
    run(data, "restore", str(tmp_path / "archive"), "--to", str(tmp_path / "back"), code=1)


def test_what_another_program_packed_is_refused_with_what_to_do(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other" / "audit"
    folder.mkdir(parents=True)
    path = sealed(data)[0]
    (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))

    [error] = run(tmp_path / "other", "search", code=1)
    assert "gunzip" in error["message"]


def test_a_hold_is_placed_listed_released_and_recorded(data: Path) -> None:
    [placed] = run(
        data, "hold", "add", "--reason", "case 7", "--tenant", "acme", "--since", "2026-01-01"
    )
    assert ids(run(data, "hold", "list")) == [placed["id"]]

    [released] = run(data, "hold", "release", placed["id"], "--reason", "closed")
    assert released["release_reason"] == "closed"
    assert run(data, "hold", "list") == []
    assert ids(run(data, "hold", "list", "--all")) == [placed["id"]]
    run(data, "hold", "release", placed["id"], "--reason", "again", code=1)
    run(data, "hold", "add", "--reason", " ", code=1)
    told = run(data, "search", "--kind", "event", "--text", placed["id"])
    assert [event["event"] for event in told] == ["hold.added", "hold.released"]
    assert told[0]["actor"].startswith("cli:")


@pytest.fixture(scope="module")
def endpoint() -> Any:
    with bucket_store() as found:
        yield found


def test_a_bucket_keeps_what_nobody_can_delete(
    data: Path, tmp_path: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    there = [path.read_bytes() for path in sealed(data)]
    [hold] = run(data, "hold", "add", "--reason", "case 9")
    to = ("archive", "--to", "s3://records/gate-1", "--endpoint", endpoint)
    [done] = run(data, *to, "--lock", "30d")
    assert done["archived"] >= len(there)

    [error] = run(data, "archive", "--to", "s3://nothing/here", "--endpoint", endpoint, code=1)
    assert "NoSuchBucket" in error["message"]
    run(data, "archive", "--to", "s3://records/x", "--endpoint", "http://192.0.2.1", code=1)

    store = client(endpoint)
    objects = store.list_object_versions(Bucket="records", Prefix="gate-1/")["Versions"]
    for item in objects:
        key = {"Bucket": "records", "Key": item["Key"], "VersionId": item["VersionId"]}
        assert store.head_object(**key)["ObjectLockMode"] == "COMPLIANCE"
        assert store.get_object_legal_hold(**key)["LegalHold"]["Status"] == "ON"
        with pytest.raises(ClientError, match="AccessDenied"):
            store.delete_object(**key)

    run(data, "hold", "release", hold["id"], "--reason", "closed")
    [after] = run(data, *to)
    assert after["holds_changed"] == len(objects)
    for item in objects:
        held = store.get_object_legal_hold(Bucket="records", Key=item["Key"])
        assert held["LegalHold"]["Status"] == "OFF"

    run(
        data,
        "restore",
        "s3://records/gate-1",
        "--endpoint",
        endpoint,
        "--to",
        str(tmp_path / "back"),
    )
    back = [path.read_bytes() for path in sorted(tmp_path.glob("back/audit/*"))]
    assert back[: len(there)] == there
