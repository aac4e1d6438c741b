"""What an index finds is what is there: no more, no less, and in the order of the log, whatever became of the index."""

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, final

import pytest

from tests.yett.audit.index import longer
from tests.yett.audit.scene import append, open_log
from yett.audit.backends.directory import DirectorySource
from yett.audit.finding import newest, search
from yett.audit.index.shelf import Shelf
from yett.audit.index.stretches import stretches
from yett.audit.port import LogLine
from yett.audit.reading import Filter, position


def _any(_: longer.Members) -> bool:
    return True


def _none(_: longer.Members) -> bool:
    return False


QUESTIONS: list[tuple[Filter, Callable[[longer.Members], bool]]] = [
    (Filter(kind="all"), _any),
    (Filter(), lambda r: r["kind"] in ("call", "refusal")),
    (Filter(kind="event", text="KEY.created"), lambda r: r.get("event") == "key.created"),
    (Filter(tenant="acme"), lambda r: r.get("tenant") == "acme"),
    (Filter(key="k1"), lambda r: r.get("caller", {}).get("id") == "k1"),
    (Filter(key="agent-2", server="sql"), lambda r: r.get("caller", {}).get("name") == "agent-2" and r["server"] == "sql"),
    (Filter(tool="mail/send_all"), lambda r: (r.get("server"), r.get("tool")) == ("mail", "send_all")),
    (Filter(status="unknown"), lambda r: r.get("status") == "unknown"),
    (Filter(status="ok", members=(("findings", "secret:a"),)), lambda r: r.get("status") == "ok" and "secret:a" in r["findings"]),
    (Filter(reason="not_permitted", tenant="globex"), lambda r: r.get("reason") == "not_permitted" and r["tenant"] == "globex"),
    (Filter(text="überweisung RESET"), lambda r: "Überweisung reset" in str(r.get("input", {}).get("note"))),
    (Filter(text="invoi*"), lambda r: "invoice" in str(r.get("input", {}).get("note"))),
    (Filter(text="日本語"), lambda r: "日本語" in str(r.get("input", {}).get("note"))),
    (Filter(text="line break"), lambda r: "line\nbreak" in str(r.get("input", {}).get("note"))),
    (Filter(since="2026-03", until="2026-05", server="git"), lambda r: r.get("server") == "git" and "2026-03" <= r["at"] < "2026-05"),
    (Filter(tenant="nobody"), _none),
]  # fmt: skip


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yett.audit.index.stretches.STRETCH_BYTES", 5_000)
    monkeypatch.setattr("yett.audit.index.stretches._LINE_BYTES_MAX", 1_000)
    monkeypatch.setattr("yett.audit.index.stretches._NEWEST_BYTES", 1_500)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("log")
    longer.write(directory, seed=1, crashes=2, calls=40)
    return directory


@pytest.fixture
def log(written: Path, tmp_path: Path) -> Path:
    return shutil.copytree(written, tmp_path / "log")


def positions(log: Path, wanted: Filter, *, indexed: bool = True) -> list[int]:
    source = DirectorySource(log)
    return [
        position(entry) for entry in search(source, wanted, Shelf(source, log) if indexed else None)
    ]


def truth(log: Path, fits: Callable[[longer.Members], bool]) -> list[int]:
    return [record["position"] for record in longer.read(log) if fits(record)]


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_every_question_is_answered_as_by_a_reader_of_all_lines(log: Path, number: int) -> None:
    wanted, fits = QUESTIONS[number]
    expected = truth(log, fits)
    source = DirectorySource(log)
    shelf = Shelf(source, log)

    assert positions(log, wanted) == expected  # makes the index
    assert positions(log, wanted) == expected  # uses it
    assert positions(log, wanted, indexed=False) == expected
    assert [position(entry) for entry in newest(source, wanted, 10**6, shelf)] == expected
    assert [position(entry) for entry in newest(source, wanted, 7, shelf)] == expected[-7:]


def test_a_record_is_whole_even_if_its_lines_stand_in_two_segments(log: Path) -> None:
    expected = {record["position"]: record for record in longer.read(log)}
    source = DirectorySource(log)

    for entry in search(source, Filter(), Shelf(source, log)):
        record = expected[position(entry)]
        assert {name: entry[name] for name in ("id", "tenant", "at", "input")} == {
            name: record[name] for name in ("id", "tenant", "at", "input")
        }


def test_pages_are_the_whole(log: Path) -> None:
    source = DirectorySource(log)
    shelf = Shelf(source, log)
    pages: list[int] = []
    before = None
    while page := newest(source, Filter(), 10, shelf, before=before):
        pages = [position(entry) for entry in page] + pages
        before = pages[0]

    assert pages == truth(log, lambda r: r["kind"] in ("call", "refusal"))


def test_a_log_that_grows_is_found_to_its_end(tmp_path: Path) -> None:
    for seed in range(3):
        longer.write(tmp_path, seed=seed, crashes=0, calls=20)
        for wanted, fits in QUESTIONS[:8]:
            assert positions(tmp_path, wanted) == truth(tmp_path, fits)


def parts(log: Path) -> list[Path]:
    return sorted((log / "index").iterdir())


def test_one_damaged_byte_anywhere_hides_nothing(log: Path) -> None:
    expected = [truth(log, fits) for _, fits in QUESTIONS]
    positions(log, Filter())
    chance = random.Random(3)
    for path in parts(log)[:: max(1, len(parts(log)) // 4)]:
        data = path.read_bytes()
        for at in sorted(chance.sample(range(len(data)), 8)):
            path.write_bytes(
                data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
            )
            number = chance.randrange(len(QUESTIONS))
            assert positions(log, QUESTIONS[number][0]) == expected[number]


@pytest.mark.parametrize("content", [b"", b"yettidx1", b"yettidx0" + bytes(64), b"x" * 5000])
def test_a_cut_or_foreign_file_is_made_anew(log: Path, content: bytes) -> None:
    positions(log, Filter())
    good = {path.name: path.read_bytes() for path in parts(log)}
    for path in parts(log):
        path.write_bytes(content)

    assert positions(log, QUESTIONS[3][0]) == truth(log, QUESTIONS[3][1])
    assert {path.name: path.read_bytes() for path in parts(log)} == good


def test_the_index_of_another_log_is_believed_nothing(log: Path, tmp_path: Path) -> None:
    longer.write(tmp_path / "other", seed=2)
    positions(tmp_path / "other", Filter())
    shutil.copytree(tmp_path / "other" / "index", log / "index")

    for wanted, fits in QUESTIONS[:6]:
        assert positions(log, wanted) == truth(log, fits)


def test_what_an_index_says_of_a_changed_log_is_not_believed(log: Path) -> None:
    positions(log, Filter())
    segment = DirectorySource(log).segments()[0]
    data = (log / segment).read_bytes()
    (log / segment).write_bytes(data[: len(data) // 2])

    assert positions(log, Filter(kind="all", tenant="acme")) == truth(
        log_without_torn_lines(log, segment), lambda r: r.get("tenant") == "acme"
    )


def log_without_torn_lines(log: Path, segment: str) -> Path:
    copy = shutil.copytree(log, log.parent / "whole")
    data = (copy / segment).read_bytes()
    (copy / segment).write_bytes(data[: data.rfind(b"\n") + 1])
    return copy


def test_nothing_is_lost_with_the_index_and_it_is_the_same_each_time(log: Path) -> None:
    positions(log, Filter())
    before = {path.name: path.read_bytes() for path in parts(log)}
    shutil.rmtree(log / "index")
    positions(log, Filter())

    assert {path.name: path.read_bytes() for path in parts(log)} == before


def test_a_log_that_cannot_be_written_to_is_searched_all_the_same(log: Path) -> None:
    (log / "index").write_text("in the way")

    assert positions(log, QUESTIONS[3][0]) == truth(log, QUESTIONS[3][1])


def test_what_lies_in_the_index_is_for_its_owner_only(log: Path) -> None:
    positions(log, Filter())

    assert (log / "index").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in parts(log)} == {0o600}


def test_a_forged_index_is_found_out(log: Path) -> None:
    source = DirectorySource(log)
    shelf = Shelf(source, log)
    positions(log, Filter())
    fixed, _ = stretches(source)
    assert all(shelf.check(stretch) for stretch in fixed)

    parts(log)[1].replace(parts(log)[0])

    assert not all(shelf.check(stretch) for stretch in fixed)


def test_parts_of_segments_that_are_gone_go_too(log: Path) -> None:
    positions(log, Filter())
    source = DirectorySource(log)
    gone = source.segments()[0]
    (log / gone).unlink()

    Shelf(source, log).forget_gone()

    assert not any(path.name.startswith(gone.partition(".")[0]) for path in parts(log))
    assert parts(log)
    assert positions(log, Filter(kind="all")) == truth(log, _any)


def test_a_segment_that_goes_meanwhile_is_as_if_it_had_gone_before(log: Path) -> None:
    source = DirectorySource(log)
    found = search(source, Filter(kind="all"), Shelf(source, log))
    next(found)
    first = source.segments()[1]
    (log / first).unlink()

    assert len(list(found)) > 50


def test_a_directory_that_goes_meanwhile_is_said(log: Path) -> None:
    source = DirectorySource(log)
    found = search(source, Filter(kind="all"), Shelf(source, log))
    next(found)
    shutil.rmtree(log)

    with pytest.raises(OSError, match="No such file"):
        list(found)


@final
class Watched:
    """A source that notes what was read as a whole."""

    def __init__(self, log: Path) -> None:
        self._source = DirectorySource(log)
        self.read_whole: list[str] = []
        for name in ("segments", "size", "read", "head", "is_live"):
            setattr(self, name, getattr(self._source, name))

    def lines(self, segment: str, *, skip_bytes: int = 0) -> Iterator[LogLine]:
        self.read_whole.append(segment)
        return self._source.lines(segment, skip_bytes=skip_bytes)


def test_a_question_reads_only_where_something_may_stand(log: Path) -> None:
    positions(log, Filter())
    source: Any = Watched(log)
    record = next(item for item in longer.read(log) if item.get("id"))

    found = newest(source, Filter(kind="all", id=record["id"]), 10, Shelf(source, log))

    assert record["position"] in map(position, found)
    assert set(source.read_whole) <= {source.segments()[-1]}


def test_who_writes_many_words_does_not_make_the_index_long_and_is_found(tmp_path: Path) -> None:
    def members(number: int) -> str:
        text = " ".join(f"w{number}x{word}" for word in range(1_500))
        return f'"at":"2026-01-01T00:00:00.000000Z","kind":"refusal","id":"long{number}","input":{{"t":"{text}"}}'

    with open_log(tmp_path, segment_bytes=50_000) as log:
        for number in range(30):
            append(log, members(number))

    [found] = positions(tmp_path, Filter(text="w7x12 w7x13"))
    assert positions(tmp_path, Filter(id="long7")) == [found]
    assert positions(tmp_path, Filter(text="w7x1499 w8x0")) == []
    assert positions(tmp_path, Filter(text="w7x149*")) == [found]
    log_bytes = sum(path.stat().st_size for path in tmp_path.glob("segment-*"))
    assert sum(path.stat().st_size for path in parts(tmp_path)) < log_bytes / 4
