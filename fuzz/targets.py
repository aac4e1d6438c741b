"""One function for each reader of hostile bytes. It returns for whatever it is given, soon; what it must
never do is an assertion."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from yett.core.document import DocumentError, encode, parse
from yett.edge.http.heads import Heads
from yett.edge.http.message import Request
from yett.edge.http.mirrored import decode
from yett.edge.http.reader import Reader
from yett.edge.mcp.envelope import read
from yett.sanitising.patience import Unwalkable
from yett.sanitising.rewriting import Cleaner
from yett.sanitising.scanner import shared_scanner
from yett.upstreams.backends.http.headers import encode_value
from yett.upstreams.backends.http.sse import EventParser
from yett.validation.arguments import extent
from yett.validation.config import SqlArgument
from yett.validation.kinds.port import Unfit
from yett.validation.kinds.sql.build import build_guard
from yett.validation.references import SchemaRefused
from yett.validation.schema import compile_schema

SECONDS_MAX: Final = 1.0
_DIALECTS: Final = ("postgres", "mysql", "sqlite", "mssql", "oracle", "bigquery", "duckdb")
_REDACT: Final = {
    "secrets": "redact",
    "personal_data": "redact",
    "injections": "redact",
    "links": "redact",
}


@contextmanager
def soon() -> Iterator[None]:
    """Processor time and not the clock's: other processes say nothing about this one."""
    began = time.process_time()
    yield
    taken = time.process_time() - began
    assert taken < SECONDS_MAX, f"{taken:.1f} s"


def envelope(data: bytes) -> None:
    """A body of `/mcp`: what is taken for a request means the same when it is written again."""
    with soon():
        found = read(data)
    if found.refused is None and found.messages is None:
        assert isinstance(found.method, str)
        assert encode(parse(encode(found.params))) == encode(found.params)
    try:
        value = parse(data)
    except DocumentError:
        return
    # What Python's own reader takes for something else was altered on the way in.
    assert encode(value) == encode(json.loads(data))


class _Agent:
    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.deadline = 0.0

    def accept(self, request: Request) -> None:
        self.requests.append(request)

    def encourage(self) -> None:
        """Nobody waits."""


def http(data: bytes) -> None:
    """What comes in on a connection: the same requests, however it is cut."""

    def taken(pieces: list[bytes]) -> list[tuple[object, ...]]:
        agent = _Agent()
        reader = Reader(agent, "127.0.0.1", Heads())
        for piece in pieces:
            if not reader.feed(piece):
                break
        return [(r.head.method, r.head.path, r.body, r.unfit) for r in agent.requests]

    with soon():
        whole = taken([data])
    half = len(data) // 2
    assert taken([data[:half], data[half:]])[: len(whole)] == whole[: len(whole)]


def header(data: bytes) -> None:
    """A mirrored header: what it says is said again in the same way."""
    value = decode(data)
    if value is not None:
        written = encode_value(value).encode("latin-1")
        assert b"\r" not in written
        assert b"\n" not in written
        assert decode(written) == value


def events(data: bytes) -> None:
    """An event stream: the same events, however it is cut, and no line end inside of one's name."""
    whole, cut = EventParser(), EventParser()
    with soon():
        found = whole.feed(data)
    assert found == [event for byte in data for event in cut.feed(bytes([byte]))]
    assert whole.kept_bytes <= len(data)
    assert not any(c in whole.last_id for c in b"\r\n\0")


def schema(data: bytes) -> None:
    """A tool's schema and a value: compiled or refused soon, and the value judged soon."""
    try:
        document = parse(data)
    except DocumentError:
        return
    given = document.get("schema", document) if isinstance(document, dict) else document
    value = document.get("data", {}) if isinstance(document, dict) else {}
    with soon():
        try:
            compiled = compile_schema(given, open_=False)
        except SchemaRefused:
            return
    with soon():
        compiled.first_problem(value, *extent(value))


def sql(data: bytes) -> None:
    """A statement: refused, or given out in one form that is taken again for what it is."""
    if not data:
        return
    dialect = _DIALECTS[data[0] % len(_DIALECTS)]
    text = data[1:].decode("utf-8", "replace")
    guard = build_guard(SqlArgument(dialect=dialect))  # type: ignore[arg-type]  # one of its own
    with soon():
        try:
            sent = guard.check(text, "read")
        except Unfit as unfit:
            assert text[:200] not in str(unfit) or len(text) < 3  # noqa: PLR2004 - a word may be named
            return
    assert guard.check(sent, "read") == sent


def detectors(data: bytes) -> None:
    """A text of a tool: what has been cleaned holds nothing more to clean away."""
    text = data.decode("utf-8", "ignore")
    once = _cleaned(text)
    if once is not None:
        twice = _cleaned(once)
        assert twice is None or twice == once, (once, twice)


def _cleaned(text: str) -> str | None:
    scanner = shared_scanner()
    with soon():
        hits = scanner.scan(encode({"text": text}))
        if hits is None:
            return text
        cleaner = Cleaner(scanner, hits, _REDACT)  # type: ignore[arg-type]  # names that are kinds
        try:
            return str(cleaner.value({"text": text})["text"])
        except Unwalkable:
            return None


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    each.__name__: each for each in (envelope, http, header, events, schema, sql, detectors)
}
