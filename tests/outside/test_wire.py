"""Bytes that no client sends: each is answered or cut off, recorded once, and disturbs nobody else."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.outside.gate import Gate, Key, running
from tests.outside.upstream import Upstream, serving, tool, wait_until

BODY = json.dumps({"tool": "rec/look", "input": {"word": "wire"}})
SIZE = len(BODY)
JSON = "Content-Type: application/json\r\n"
CHUNKED = f"{SIZE:x}\r\n{BODY}\r\n0\r\n"

# name → (request; {own} stands for Host and credential, status, does the upstream see the call)
CASES: dict[str, tuple[str, int | None, bool]] = {
    "a good call": (f"POST /execute HTTP/1.1\r\n{{own}}{JSON}Content-Length: {SIZE}\r\n\r\n{BODY}", 200, True),
    "in chunks": (f"POST /execute HTTP/1.1\r\n{{own}}{JSON}Transfer-Encoding: chunked\r\n\r\n{CHUNKED}\r\n", 200, True),
    "HTTP/1.0": (f"POST /execute HTTP/1.0\r\n{{own}}{JSON}Content-Length: {SIZE}\r\n\r\n{BODY}", 200, True),
    "an absolute target": (f"POST http://{{host}}/execute HTTP/1.1\r\n{{own}}{JSON}Content-Length: {SIZE}\r\n\r\n{BODY}", 404, False),
    "two framings": (f"POST /execute HTTP/1.1\r\n{{own}}{JSON}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{CHUNKED}\r\n", 401, False),
    "an unknown framing": (f"POST /execute HTTP/1.1\r\n{{own}}{JSON}Transfer-Encoding: xchunked\r\n\r\n{CHUNKED}\r\n", 401, False),
    "two lengths": (f"POST /execute HTTP/1.1\r\n{{own}}{JSON}Content-Length: {SIZE}\r\nContent-Length: {SIZE}\r\n\r\n{BODY}", 401, False),
    "a signed length": (f"POST /execute HTTP/1.1\r\n{{own}}{JSON}Content-Length: +{SIZE}\r\n\r\n{BODY}", 401, False),
    "a space before the colon": (f"POST /execute HTTP/1.1\r\n{{own}}{JSON}Content-Length : {SIZE}\r\n\r\n{BODY}", 401, False),
    "a folded header": (f"POST /execute HTTP/1.1\r\n{{own}}{JSON}X: a\r\n b\r\nContent-Length: {SIZE}\r\n\r\n{BODY}", 401, False),
    "a key in a trailer": (f"POST /execute HTTP/1.1\r\n{{own}}{JSON}Transfer-Encoding: chunked\r\n\r\n{CHUNKED}Authorization: Bearer x\r\n\r\n", 401, False),
    "two keys": ("GET /v1/key HTTP/1.1\r\n{own}Authorization: Bearer other\r\n\r\n", 401, False),
    "two hosts": ("GET /v1/key HTTP/1.1\r\n{own}Host: evil.example\r\n\r\n", 403, False),
    "no host": ("GET /v1/key HTTP/1.1\r\nAuthorization: Bearer {key}\r\n\r\n", 403, False),
    "a NUL in the target": ("GET /v1/key\0 HTTP/1.1\r\n{own}\r\n", 401, False),
    "bare line feeds": ("GET /v1/key HTTP/1.1\nHost: {host}\nAuthorization: Bearer {key}\n\n", 401, False),
    "65 headers": ("GET /v1/key HTTP/1.1\r\n{own}" + "X: a\r\n" * 65 + "\r\n", 401, False),
    "a huge header": ("GET /v1/key HTTP/1.1\r\n{own}X: " + "a" * 17_000 + "\r\n\r\n", 401, False),
    "a huge target": ("GET /" + "a" * 17_000 + " HTTP/1.1\r\n{own}\r\n", 401, False),
    "a query of many fields": ("GET /v1/tools?" + "q=x&" * 99 + " HTTP/1.1\r\n{own}\r\n", 400, False),
    "HEAD": ("HEAD /v1/tools HTTP/1.1\r\n{own}\r\n", 405, False),
    "TRACE": ("TRACE /v1/tools HTTP/1.1\r\n{own}\r\n", 405, False),
    "CONNECT": ("CONNECT 127.0.0.1:80 HTTP/1.1\r\n{own}\r\n", 404, False),
    "a web socket": ("GET /mcp HTTP/1.1\r\n{own}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 400, False),
    "HTTP/2": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 401, False),
    "TLS": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 401, False),
}  # fmt: skip


@dataclass
class Wire:
    gate: Gate
    key: Key
    rec: Upstream

    def fill(self, text: str) -> bytes:
        host = f"127.0.0.1:{self.gate.port}"
        own = f"Host: {host}\r\nAuthorization: Bearer {self.key.secret}\r\n"
        filled = text.replace("{own}", own).replace("{host}", host)
        return filled.replace("{key}", self.key.secret).encode("latin-1")


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with serving(tool("look")) as rec:
        configuration = f'servers: {{rec: {{url: {rec.url}}}}}\nroles: {{reader: ["rec.*:read"]}}\n'
        gate = Gate(tmp_path_factory.mktemp("wire"), configuration)
        key = gate.key("main", "reader")
        with running(gate):
            wait_until(lambda: gate.execute("rec", "look", key, word="x").status == 200)
            yield Wire(gate, key, rec)


@pytest.mark.parametrize("name", CASES)
def test_one_request_has_one_answer_and_one_record(name: str, wire: Wire) -> None:
    text, status, reaches = CASES[name]
    before = len(wire.rec.works)
    wire.gate.source = f"127.0.2.{[*CASES].index(name)}"  # one address may not fail that often
    received = wire.gate.raw(wire.fill(text), seconds=0.15)
    [line] = [line for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    identifier = next(
        line.split(b": ")[1].decode()
        for line in received.split(b"\r\n")
        if line.startswith(b"Yett-Request-Id: ")
    )
    found = wire.gate.admin(f"/api/v1/audit/records?id={identifier}").json["records"]

    assert int(line.split()[1]) == status
    assert len(wire.rec.works) - before == reaches
    assert [record["decision"] for record in found] == ["allowed" if reaches else "denied"]
    assert wire.key.secret.encode() not in received


def test_what_follows_broken_bytes_on_a_connection_is_not_served(wire: Wire) -> None:
    good = wire.fill(CASES["a good call"][0])
    before = len(wire.rec.works)
    received = wire.gate.raw(b"GARBAGE\r\n\r\n" + good, seconds=0.3)

    assert received.count(b"HTTP/1.1 ") == 1
    assert len(wire.rec.works) == before


def test_a_body_is_never_taken_for_a_request(wire: Wire) -> None:
    inner = wire.fill(CASES["a good call"][0]).decode("latin-1")
    text = f"POST /execute HTTP/1.1\r\n{{own}}{JSON}Content-Length: {len(inner)}\r\n\r\n"
    before = len(wire.rec.works)
    received = wire.gate.raw(wire.fill(text) + inner.encode("latin-1"), seconds=0.3)

    assert received.count(b"HTTP/1.1 ") == 1
    assert len(wire.rec.works) == before


def test_hundreds_of_damaged_requests_leave_no_trace_but_their_records(wire: Wire) -> None:
    chance = random.Random(7)
    texts = [wire.fill(text)[:3000] for text, _, _ in CASES.values()]
    for _ in range(250):
        damaged = bytearray(chance.choice(texts))
        for _ in range(chance.randint(1, 6)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        wire.gate.raw(bytes(damaged), seconds=0.01)

    assert wire.gate.execute("rec", "look", wire.key, word="x").status == 200
    assert "Traceback" not in wire.gate.printed()
    assert {record["reason"] for record in wire.gate.records()} & {"internal_error"} == set()
    assert wire.gate.yett("audit", "verify").startswith("ok ")
