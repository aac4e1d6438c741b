"""What each refusal must look like, and how to provoke it: the table behind `test_refusals.py`.

The figures are written out here, and not taken from the source.
"""

import contextlib
import json
import resource
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.outside.gate import DOORS, LEGACY, REST, Agent, Answer, Gate, Key, meta
from tests.outside.upstream import MODERN, Odd, Upstream, tool, wait_until
from yett.core.reasons import Reason

MCP: Final = (*LEGACY, MODERN)
TOOL_ERROR: Final = 0
"""Stands for "no JSON-RPC error but a tool result with `isError`"."""

# reason → (HTTP on REST, HTTP on legacy MCP, HTTP on modern MCP, JSON-RPC code, text)
FORM: Final[dict[Reason, tuple[int, int, int, int | None, str]]] = {
    Reason.UNAUTHENTICATED: (401, 401, 401, None, "A valid credential is required"),
    Reason.UNKNOWN_TOOL: (404, 200, 400, -32602, "Unknown tool, or not granted to this key"),
    Reason.NOT_PERMITTED: (404, 200, 400, -32602, "Unknown tool, or not granted to this key"),
    Reason.ARGUMENT_DENIED: (403, 200, 200, 403, "A rule forbids these arguments"),
    Reason.TOOL_QUARANTINED: (403, 200, 200, 403, "The tool changed since it was approved; an operator must approve it again"),
    Reason.INVALID_INPUT: (400, 200, 200, -32602, "The input does not fit the tool's schema"),
    Reason.MALFORMED_REQUEST: (400, 400, 400, -32600, "The request is malformed"),
    Reason.PAYLOAD_TOO_LARGE: (413, 413, 413, 413, "The request is too large"),
    Reason.RATE_LIMITED: (429, 429, 429, 429, "Too many calls; retry later"),
    Reason.CIRCUIT_OPEN: (429, 429, 429, 429, "Too many failures in a row; retry later"),
    Reason.BUDGET_EXHAUSTED: (402, 402, 402, 402, "The budget is used up"),
    Reason.AUDIT_UNAVAILABLE: (503, 503, 503, 503, "The call could not be recorded, so it was not made"),
    Reason.INTERNAL_ERROR: (500, 500, 500, -32603, "Internal error"),
    Reason.UPSTREAM_UNREACHABLE: (502, 502, 502, 502, "The tool's server cannot be reached"),
    Reason.UPSTREAM_TIMEOUT: (504, 504, 504, 504, "The tool's server did not answer in time"),
    Reason.UPSTREAM_INVALID: (502, 502, 502, 502, "The tool's server gave an invalid answer"),
    Reason.ANSWER_BLOCKED: (502, 502, 502, 502, "The tool's answer was blocked"),
    Reason.INVALID_STATE: (400, 200, 400, -32602, "The state, cursor or id was not given to you for this, or no longer holds"),
    Reason.UNKNOWN_METHOD: (404, 200, 404, -32601, "Unknown method"),
    Reason.UNKNOWN_SESSION: (404, 404, 404, 404, "Unknown or ended session"),
    Reason.UNKNOWN_PATH: (404, 404, 404, None, "Nothing here"),
    Reason.METHOD_NOT_ALLOWED: (405, 405, 405, 405, "Method not allowed"),
    Reason.UNSUPPORTED_MEDIA_TYPE: (415, 415, 415, 415, "Send application/json, not encoded"),
    Reason.NOT_ACCEPTABLE: (406, 406, 406, 406, "Accept application/json and text/event-stream"),
    Reason.FORBIDDEN_ORIGIN: (403, 403, 403, None, "Host or Origin is not allowed"),
    Reason.HEADER_MISMATCH: (400, 400, 400, -32020, "Headers and body differ"),
    Reason.UNSUPPORTED_VERSION: (400, 400, 400, -32022, "Unsupported protocol version"),
    Reason.MISSING_CAPABILITY: (400, 400, 400, -32021, "The caller did not declare a capability that this needs"),
}  # fmt: skip

ELSEWHERE: Final[dict[Reason, str]] = {
    Reason.INSUFFICIENT_SCOPE: "scopes come with OAuth, which is not built yet",
    Reason.APPROVAL_REQUIRED: "a person has to be asked: test_approvals.py",
    Reason.APPROVAL_DENIED: "as approval_required",
    Reason.LIMITS_UNAVAILABLE: "several gates have to share a store: test_several_gates.py",
    Reason.DUPLICATE_CALL: "at the door of REST only: test_limits.py",
    Reason.KEY_REUSED: "as duplicate_call",
}

ERRORS: Final = frozenset(
    {
        Reason.AUDIT_UNAVAILABLE,
        Reason.INTERNAL_ERROR,
        Reason.UPSTREAM_UNREACHABLE,
        Reason.UPSTREAM_TIMEOUT,
        Reason.UPSTREAM_INVALID,
        Reason.CANCELLED,
    }
)
"""Recorded as `error` and not as `denied`: nobody decided, something did not answer."""

POLICY: Final = """\
@id("no-evil")
@shown("evil is no word here")
forbid(principal, action, resource == Tool::"rec/look")
when { context.arguments has word && context.arguments.word == "evil" };
"""
TOKEN: Final = "gh" + "p_" + "b7Kq2Xw9Lm4Rt8Vz1Nc6Ys3Hd5Fj0PgQaE"


def configuration(rec: Upstream, gone: Upstream, armless: Upstream, secret: Path) -> str:
    return f"""\
servers:
  rec:
    url: {rec.url}
    timeout: 400ms
    tools:
      scarce: {{rate: 1/day}}
      dear: {{cost: 0.6 USD}}
      leak: {{secrets: block}}
  gone: {{url: "{gone.url}"}}
  armless:
    url: {armless.url}
    credential: {{bearer: "file:{secret}"}}
roles:
  reader: ["rec.*:read", "gone.*:read", "armless.*:read"]
limits:
  keys: {{spender: {{budget: 1 USD/day}}}}
  breaker: {{failures: 6, cooldown: 120s}}
vault: {{lease: 1s}}
"""


@dataclass
class Day:
    """A gate with everything that can go wrong behind it. main: the key that most scenes use."""

    gate: Gate
    rec: Upstream
    keys: dict[str, Key]
    agents: dict[tuple[str, str], Agent] = field(default_factory=dict)

    def agent(self, door: str, name: str = "main") -> Agent:
        """One agent per key and door; a legacy one keeps its session."""
        agent = self.agents.get((name, door))
        if agent is None:
            agent = self.agents[name, door] = Agent(self.gate, self.keys[name], door)
        return agent

    def post(
        self, door: str, body: bytes, headers: Mapping[str, str] | None = None, *, path: str = ""
    ) -> Answer:
        """Send a body as it is, with the headers of a good call of this door."""
        agent = self.agent(door)
        fields: dict[str, str] = {}
        if door != REST:
            fields = agent.headers("tools/call", {"name": "rec__look"})
        path = path or ("/v1/execute" if door == REST else "/mcp")
        headers = fields | dict(headers or {})
        return self.gate.request("POST", path, body, key=agent.key, headers=headers)

    def good_body(self, door: str) -> bytes:
        if door == REST:
            body: dict[str, Any] = {"tool": "rec", "operation": "look", "input": {"word": "x"}}
        else:
            params = {"name": "rec__look", "arguments": {"word": "x"}}
            body = self.agent(door).message("tools/call", params)
        return json.dumps(body).encode()


def make_keys(gate: Gate) -> dict[str, Key]:
    """Before the gate starts, so that they are good at once."""
    with ThreadPoolExecutor(2) as two:
        names = ("main", "clumsy", "spender", "other", "revoked")
        made = two.map(lambda name: gate.key(name, tenant="acme"), names)
        expired = two.submit(gate.key, "expired", expires="10ms")
        return {key.name: key for key in (*made, expired.result())}


def begin(gate: Gate, keys: dict[str, Key], rec: Upstream, gone: Upstream, secret: Path) -> Day:
    """Bring the gate, which runs already, into the state that the scenes need."""
    day = Day(gate, rec, keys)
    rec.offer.odd |= {
        "hang": Odd(delay=1.0),
        "garbage": Odd(raw=b'{"jsonrpc": "2.0", "id": 1, "id": 2}'),
        "leak": Odd(text=f"the token is {TOKEN}"),
    }
    wait_until(lambda: "rec__look" in day.agent(REST).tools())
    for server in ("gone", "armless"):
        assert gate.execute(server, "look", keys["main"], word="x").status == 200
    gate.yett("tool", "quarantine", "rec", "frozen")
    gate.yett("key", "revoke", "revoked")
    gone.close()
    secret.unlink()
    assert gate.execute("rec", "scarce", keys["main"], word="x").status == 200
    assert gate.execute("rec", "dear", keys["spender"], word="x").status == 200
    for door in LEGACY:  # an open breaker lets nobody begin a session
        day.agent(door, "clumsy").open()
    for _ in range(6):
        assert gate.execute("rec", "look", keys["clumsy"]).status == 400
    wait_until(lambda: gate.execute("rec", "frozen", keys["main"], word="x").status == 403)
    wait_until(lambda: gate.execute("armless", "look", keys["main"], word="x").status == 500)
    wait_until(lambda: gate.execute("rec", "look", keys["revoked"], word="x").status == 401)
    return day


TOOLS: Final = (
    *(tool(name) for name in ("look", "scarce", "dear", "leak", "hang", "garbage", "frozen")),
    tool("change", reads=False),
)


@dataclass(frozen=True)
class Scene:
    """provoke: does it at a door. reaches: how many calls the upstream may see. target: server and
    tool that the record must name. named: the record knows the caller. code: instead of the reason's
    own. shown: what follows the text. same_as: all that say the same here answer the same bytes."""

    reason: Reason
    label: str
    provoke: Callable[[Day, str], Answer | None]
    doors: tuple[str, ...] = DOORS
    reaches: int = 0
    target: tuple[str | None, str | None] = (None, None)
    named: bool = True
    code: int | None = None
    shown: str = ""
    same_as: str = ""

    @property
    def id(self) -> str:
        return f"{self.reason.value}, {self.label}"


def call(
    server: str, name: str, *, key: str = "main", word: str = "x"
) -> Callable[[Day, str], Answer]:
    return lambda day, door: day.agent(door, key).call(server, name, word=word)


def with_credential(value: str | None, **more: str) -> Callable[[Day, str], Answer]:
    """A good call but for its `Authorization` header."""

    def provoke(day: Day, door: str) -> Answer:
        agent = day.agent(door)
        fields = {} if door == REST else agent.headers("tools/call", {"name": "rec__look"})
        if value is not None:
            fields["Authorization"] = value.format(
                good=day.keys["main"].secret,
                revoked=day.keys["revoked"].secret,
                expired=day.keys["expired"].secret,
                flipped=day.keys["main"].secret[:-8] + "AAAAAAAA",
            )
        path = "/v1/execute" if door == REST else "/mcp"
        path += more.get("query", "").format(good=day.keys["main"].secret)
        return day.gate.request("POST", path, day.good_body(door), headers=fields)

    return provoke


def body(text: str) -> Callable[[Day, str], Answer]:
    return lambda day, door: day.post(door, text.encode("utf-8", "surrogatepass"))


def changed(old: bytes, new: bytes) -> Callable[[Day, str], Answer]:
    """A good call with some bytes replaced."""

    def provoke(day: Day, door: str) -> Answer:
        good = day.good_body(door)
        assert old in good
        return day.post(door, good.replace(old, new, 1))

    return provoke


def with_headers(headers: dict[str, str]) -> Callable[[Day, str], Answer]:
    """A good call with these headers besides, or in place of its own."""
    return lambda day, door: day.post(door, day.good_body(door), headers)


def as_notification(day: Day, door: str) -> Answer:
    message = json.loads(day.good_body(door))
    del message["id"]
    return day.post(door, json.dumps(message).encode())


def too_large(day: Day, door: str) -> Answer:
    """Announce five megabytes; the gate must not wait for them."""
    path = "/v1/execute" if door == REST else "/mcp"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{day.gate.port}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {day.keys['main'].secret}\r\nContent-Length: 5000000\r\n\r\n"
    )
    received = day.gate.raw(head.encode() + b"{")
    top, _, rest = received.partition(b"\r\n\r\n")
    status, *lines = top.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(int(status.split()[1]), headers, rest)


def other_method(day: Day, door: str) -> Answer:
    key = day.keys["main"]
    if door == REST:
        return day.gate.request("GET", "/v1/execute", key=key)
    headers = day.agent(door).headers("tools/call", {"name": "x"})
    return day.gate.request("GET" if door == MODERN else "PUT", "/mcp", key=key, headers=headers)


def other_session(day: Day, door: str) -> Answer:
    stolen = Agent(day.gate, day.keys["other"], door)
    stolen.session = day.agent(door).session
    return stolen.call("rec", "look", word="x")


def no_session(day: Day, door: str) -> Answer:
    guessed = Agent(day.gate, day.keys["main"], door)
    guessed.session = "c2Vzc2lvbi10aGF0LW5ldmVyLXdhcw"
    return guessed.call("rec", "look", word="x")


def version(day: Day, door: str) -> Answer:
    if door == MODERN:
        message = day.agent(door).message("tools/list")
        message["params"]["_meta"] = meta("2027-01-01")
        headers = {"MCP-Protocol-Version": "2027-01-01", "Mcp-Method": "tools/list"}
        return day.gate.request("POST", "/mcp", message, key=day.keys["main"], headers=headers)
    return day.agent(door).ask("tools/list", headers={"MCP-Protocol-Version": "1999-01-01"})


def hang_up(day: Day, door: str) -> None:
    """Send a call that takes a while, and leave."""
    agent = day.agent(door)
    fields = {} if door == REST else agent.headers("tools/call", {"name": "rec__hang"})
    text = day.good_body(door).replace(b'"look"', b'"hang"').replace(b"__look", b"__hang")
    path = "/v1/execute" if door == REST else "/mcp"
    lines = {
        "Host": f"127.0.0.1:{day.gate.port}",
        "Authorization": f"Bearer {day.keys['main'].secret}",
        "Content-Type": "application/json",
        "Content-Length": str(len(text)),
    } | fields
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    before = len(day.rec.calls_of("hang"))
    with socket.create_connection(("127.0.0.1", day.gate.port), 5) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + text)
        wait_until(lambda: len(day.rec.calls_of("hang")) > before)
        connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def disk_full(pid: int) -> Iterator[None]:
    """Let the process write nothing more to any file (RLIMIT_FSIZE), until the block ends."""
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


_disk = threading.Lock()


def without_disk(day: Day, door: str) -> Answer:
    agent = day.agent(door)
    if door in LEGACY and agent.session is None:
        agent.open()
    with _disk, disk_full(day.gate.pid):
        answer = agent.call("rec", "look", word="x")
    wait_until(day.gate.is_ready)
    return answer


UNKNOWN: Final = (Reason.UNKNOWN_TOOL, "unknown")
_ANSWER: Final = '{"jsonrpc": "2.0", "id": 1, "result": {}}'
LOOK: Final = ("rec", "look")

SCENES: Final = (
    *(
        Scene(Reason.UNAUTHENTICATED, label, provoke, named=False, same_as="unauthenticated")
        for label, provoke in {
            "no credential": with_credential(None),
            "not a key": with_credential("Bearer ' OR 1=1--"),
            "unknown key": with_credential("Bearer yett_live_AAAAAAAAAAAA_" + "A" * 49),
            "wrong secret": with_credential("Bearer {flipped}"),
            "revoked": with_credential("Bearer {revoked}"),
            "expired": with_credential("Bearer {expired}"),
            "another scheme": with_credential("Basic {good}"),
            "two in one": with_credential("Bearer {good}, Bearer {good}"),
            "in the query": with_credential(None, query="?access_token={good}"),
            "enormous": with_credential("Bearer " + "A" * 9000),
        }.items()
    ),
    Scene(Reason.UNKNOWN_TOOL, "no such tool", call("rec", "nothing"), same_as="unknown"),
    Scene(Reason.UNKNOWN_TOOL, "no such server", call("nowhere", "look"), same_as="unknown"),
    Scene(Reason.NOT_PERMITTED, "a write", call("rec", "change"), target=("rec", "change"), same_as="unknown"),
    Scene(Reason.ARGUMENT_DENIED, "by a policy", call("rec", "look", word="evil"), target=LOOK, shown="evil is no word here"),
    Scene(Reason.TOOL_QUARANTINED, "by the operator", call("rec", "frozen"), target=("rec", "frozen")),
    Scene(Reason.INVALID_INPUT, "too long", call("rec", "look", word="x" * 21), target=LOOK, shown="*"),
    Scene(Reason.INVALID_INPUT, "missing", lambda day, door: day.agent(door).call("rec", "look"), target=LOOK, shown="*"),
    Scene(Reason.INVALID_INPUT, "undeclared", lambda day, door: day.agent(door).call("rec", "look", word="x", other=1), target=LOOK, shown="*"),
    *(
        Scene(Reason.MALFORMED_REQUEST, label, provoke, code=-32700, shown="*")
        for label, provoke in {
            "no JSON": body("{"),
            "a duplicate key": changed(b'"word": "x"', b'"word": "x", "w\\u006frd": "y"'),
            "a BOM": changed(b"{", b"\xef\xbb\xbf{"),
            "not UTF-8": changed(b'"x"', b'"\xff"'),
            "UTF-16": lambda day, door: day.post(door, day.good_body(door).decode().encode("utf-16-le")),
            "NaN": changed(b'"x"', b"NaN"),
            "a lone surrogate": changed(b'"x"', b'"\\ud800"'),
            "a number that no double holds": changed(b'"x"', b"1.00000000000000001"),
            "a deep document": changed(b'"x"', b"[" * 65 + b"]" * 65),
        }.items()
    ),
    Scene(Reason.MALFORMED_REQUEST, "a batch", lambda day, door: day.post(door, b"[" + day.good_body(door) + b"]"), shown="*"),
    Scene(Reason.MALFORMED_REQUEST, "an empty batch", body("[]"), shown="*"),
    Scene(Reason.MALFORMED_REQUEST, "a case variant", changed(b"{", b'{"Method": "tools/list", "Tool": "x", '), shown="*"),
    Scene(Reason.MALFORMED_REQUEST, "an answer where none is due", body(_ANSWER), doors=(REST, MODERN), shown="*"),
    Scene(Reason.MALFORMED_REQUEST, "an id that is null", changed(b'"id": ', b'"id": null, "x": '), doors=MCP, shown="*"),
    Scene(Reason.MALFORMED_REQUEST, "a call as a notification", as_notification, doors=MCP, shown="*"),
    Scene(Reason.PAYLOAD_TOO_LARGE, "announced", too_large, named=False),
    Scene(Reason.RATE_LIMITED, "by the tool's rate", call("rec", "scarce"), target=("rec", "scarce")),
    Scene(Reason.CIRCUIT_OPEN, "after failures", call("rec", "look", key="clumsy"), target=LOOK),
    Scene(Reason.BUDGET_EXHAUSTED, "of the key", call("rec", "dear", key="spender"), target=("rec", "dear")),
    Scene(Reason.AUDIT_UNAVAILABLE, "disk full", without_disk),
    Scene(Reason.INTERNAL_ERROR, "a secret is gone", call("armless", "look"), target=("armless", "look")),
    Scene(Reason.UPSTREAM_UNREACHABLE, "it ended", call("gone", "look"), target=("gone", "look")),
    Scene(Reason.UPSTREAM_TIMEOUT, "it sleeps", call("rec", "hang"), target=("rec", "hang"), reaches=1),
    Scene(Reason.UPSTREAM_INVALID, "two ids", call("rec", "garbage"), target=("rec", "garbage"), reaches=1),
    Scene(Reason.ANSWER_BLOCKED, "a secret in it", call("rec", "leak"), target=("rec", "leak"), reaches=1),
    Scene(Reason.UNKNOWN_METHOD, "a vendor's", lambda day, door: day.agent(door).ask("vendor/erase"), doors=MCP),
    Scene(Reason.UNKNOWN_METHOD, "the gate's own", lambda day, door: day.agent(door).ask("yett/key"), doors=MCP),
    Scene(Reason.UNKNOWN_METHOD, "of the other era", lambda day, door: day.agent(door).ask("ping" if door == MODERN else "server/discover"), doors=MCP),
    Scene(Reason.INVALID_STATE, "a cursor that was made up", lambda day, door: day.agent(door).ask("tools/list", {"cursor": "x"}), doors=MCP),
    Scene(Reason.MISSING_CAPABILITY, "a task that was not declared", lambda day, door: day.agent(door).ask("tasks/get", {"taskId": "x"}, {"Mcp-Name": "x"}), doors=(MODERN,), shown="*"),
    Scene(Reason.UNKNOWN_SESSION, "somebody else's", other_session, doors=LEGACY, named=False),
    Scene(Reason.UNKNOWN_SESSION, "guessed", no_session, doors=LEGACY),
    Scene(Reason.UNKNOWN_PATH, "a path", lambda day, _: day.gate.request("GET", "/admin", key=day.keys["main"]), doors=(REST,), named=False),
    Scene(Reason.UNKNOWN_PATH, "climbing", lambda day, door: day.post(door, b"{}", path="/v1/../mcp"), doors=(REST,), named=False),
    Scene(Reason.UNKNOWN_PATH, "encoded", lambda day, door: day.post(door, b"{}", path="/%6dcp"), doors=(REST,), named=False),
    Scene(Reason.METHOD_NOT_ALLOWED, "another verb", other_method, shown="*"),
    Scene(Reason.UNSUPPORTED_MEDIA_TYPE, "text", with_headers({"Content-Type": "text/plain"})),
    Scene(Reason.UNSUPPORTED_MEDIA_TYPE, "another charset", with_headers({"Content-Type": "application/json; charset=utf-16"})),
    Scene(Reason.UNSUPPORTED_MEDIA_TYPE, "compressed", with_headers({"Content-Encoding": "gzip"})),
    Scene(Reason.NOT_ACCEPTABLE, "HTML only", with_headers({"Accept": "text/html"}), doors=MCP),
    Scene(Reason.FORBIDDEN_ORIGIN, "a foreign page", with_headers({"Origin": "https://evil.example"}), named=False),
    Scene(Reason.FORBIDDEN_ORIGIN, "rebound", with_headers({"Host": "evil.example:80"}), named=False),
    Scene(Reason.HEADER_MISMATCH, "another name", with_headers({"Mcp-Name": "rec__change"}), doors=(MODERN,), shown="*"),
    Scene(Reason.HEADER_MISMATCH, "another method", with_headers({"Mcp-Method": "tools/list"}), doors=(MODERN,), shown="*"),
    Scene(Reason.HEADER_MISMATCH, "another era", with_headers({"MCP-Protocol-Version": "2025-11-25"}), doors=(MODERN,), shown="*"),
    Scene(Reason.UNSUPPORTED_VERSION, "unheard of", version, doors=MCP, shown="*"),
    Scene(Reason.CANCELLED, "hung up", hang_up, target=("rec", "hang"), reaches=1),
)  # fmt: skip
