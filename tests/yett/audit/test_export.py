"""What leaves for other programs: each record on one line, and nothing in it that a program obeys."""

import csv
import io
import json
from typing import Any

import pytest

from tests.yett.audit.index import longer
from yett.audit.backends.directory import DirectorySource
from yett.audit.export import COLUMNS, FORMATS, lines_of
from yett.audit.finding import search
from yett.audit.ocsf import event_of
from yett.audit.reading import Entry, Filter, unpack
from yett.cli.audit_rows import as_json

HOSTILE = [
    "=cmd|'/c calc'!A1", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "＋1", "－1", "＠x",
    '"=1', "a\n=1", "a\r\n=1", "a\u2028=1", '","=1',
]  # fmt: skip


def entry(**more: Any) -> Entry:
    return {
        "sequence": 7, "at": "2026-11-22T10:00:00.000000Z", "kind": "refusal", "id": "a1", "status": "refused",
        "decision": "denied", "caller": {"id": "k1", "name": "laptop"}, "tenant": "acme", **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    log = tmp_path_factory.mktemp("log")
    longer.write(log, seed=9, crashes=1, calls=40)
    return list(search(DirectorySource(log), Filter(kind="all")))


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("member", ["tool", "private", "caller", "findings"])
def test_no_cell_is_a_formula_and_no_record_takes_two_lines(text: str, member: str) -> None:
    value: Any = {"caller": {"id": text, "name": text}, "findings": [text]}.get(member, text)
    [names, line] = lines_of([entry(**{member: value})], "csv")

    [row] = csv.DictReader(io.StringIO(names + line))
    assert len(line.splitlines()) == 1
    for cell in row.values():
        assert cell.lstrip()[:1] not in {*"=+-@＝＋－＠", "\t"}
        assert cell[:1] not in {*"=+-@\t\r\n＝＋－＠"}


def test_csv_has_what_the_record_has(entries: list[Entry]) -> None:
    rows = list(csv.DictReader(io.StringIO("".join(lines_of(entries, "csv")))))

    assert len(rows) == len(entries)
    assert list(rows[0]) == list(COLUMNS)
    for row, found in zip(rows, entries, strict=True):
        assert row["sequence"] == ("" if found["sequence"] is None else str(found["sequence"]))
        assert row["tenant"] == (found.get("tenant") or "")
        assert json.loads(row["input"] or "null") == (found.get("input") or None)


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**63) - 1, 10**300])
@pytest.mark.parametrize("form", sorted(FORMATS))
def test_integers_of_any_size_are_shown_as_they_were_sent(form: str, number: int) -> None:
    line = b'{"sequence":1,"at":"2026-11-22T10:00:00Z","kind":"refusal","input":{"n":%d}}' % number
    found = unpack(line)
    assert found is not None
    assert found["input"] == {"n": number}
    assert str(number) in "".join(lines_of([entry(**found)], form)).replace('""', '"')
    assert str(number) in as_json(found)


@pytest.mark.parametrize("form", ["jsonl", "ocsf"])
def test_json_is_one_line_that_no_terminal_obeys(form: str) -> None:
    for text in ("\x1b[2J", "\u202e", "a\u2028b", "line\nbreak"):
        [line] = lines_of([entry(private=text, reason="not_permitted")], form)
        assert line.endswith("\n")
        assert line[:-1].isprintable()
        told = json.loads(line)
        assert text in (told.get("private"), told.get("status_detail"))


def test_a_file_is_written_one_record_at_a_time() -> None:
    taken = []

    def endless() -> Any:
        while True:
            taken.append(1)
            yield entry()

    for form in FORMATS:
        lines = lines_of(endless(), form)
        taken.clear()
        for _ in range(5):
            next(lines)
        assert len(taken) <= 5


# What api_activity (class 6003) and its objects demand, from the published schema 1.3.0.
REQUIRED = {
    "activity_id": int, "actor": dict, "api": dict, "category_uid": int, "class_uid": int, "metadata": dict,
    "severity_id": int, "src_endpoint": dict, "time": int, "type_uid": int,
}  # fmt: skip


def test_every_event_has_what_the_class_requires(entries: list[Entry]) -> None:
    for found in [
        *entries,
        entry(peer="10.0.0.7", reason="not_permitted", private="no"),
        entry(caller=None),
    ]:
        event = event_of(found)
        for name, kind in REQUIRED.items():
            assert type(event[name]) is kind, name
        assert (event["class_uid"], event["category_uid"]) == (6003, 6)
        assert event["type_uid"] == 600300 + event["activity_id"]
        assert event["activity_id"] in {0, 1, 2, 3, 4, 99}
        assert event["severity_id"] in range(1, 7)
        assert event["status_id"] in {0, 1, 2}
        assert event["metadata"]["version"] == "1.3.0"
        assert event["metadata"]["product"].keys() >= {"name", "vendor_name"}
        assert event["api"]["operation"]
        assert event["actor"]["user"].keys() & {"uid", "name"}
        assert event["src_endpoint"].keys() & {"ip", "name"}
        assert all(item.keys() & {"uid", "name"} for item in event.get("resources", ()))
        assert event.get("api", {}).get("request", {"uid": "x"})["uid"]
        assert event["time"] > 1_700_000_000_000


def test_nothing_of_a_record_is_lost_in_an_event() -> None:
    found = entry(
        input={"a": 1},
        findings=["secret:x"],
        reason="not_permitted",
        private="why",
        server="git",
        tool="log",
    )
    event = event_of(found)

    assert event["unmapped"]["input"] == {"a": 1}
    assert event["unmapped"]["findings"] == ["secret:x"]
    assert (event["status_code"], event["status_detail"]) == ("not_permitted", "why")
    assert event["resources"] == [{"name": "git/log", "type": "tool"}]
    assert event["actor"]["user"]["org"]["name"] == "acme"


def test_no_terminal_obeys_a_cell() -> None:
    """Attack: a refused call of a tool whose name clears the screen, and an export that somebody looks at (CWE-150)."""
    line = FORMATS["csv"](
        {"at": "t", "tool": "a\x1b[2J\x07\x9b1m\u202eb\u200b", "findings": ["\x1b]0;x"]}
    )

    assert all(character.isprintable() or character == "\n" for character in line)
    assert "[2J" in line  # nothing else is lost
