"""Calls that wait for a person, on a running gate: asked, looked at, agreed to and refused by command and by
the admin API, told to a webhook, and used once."""

import hmac
import http.server
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from tests.outside.gate import DOORS, REST, Agent, Answer, Gate, Key, meta, running
from tests.outside.upstream import MODERN, Upstream, serving, tool, wait_until
from tests.peers.python_client import visit
from yett.cli.root import root

POLICIES: Final = """
@id("deleting") @approval("1") @shown("Deleting needs a yes")
forbid(principal, action, resource == Tool::"rec/delete");

@id("paying") @approval("2")
forbid(principal, action, resource == Tool::"rec/pay")
when { context.arguments has number && context.arguments.number > 100 };

@id("wiring") @approval("1") @approval_for("1m")
permit(principal in Role::"wirer", action, resource == Tool::"rec/wire");

@id("wiping")
forbid(principal, action, resource == Tool::"rec/wipe") unless { context.approval.granted };

@id("tidying") @approval("1") @approval_by("caller")
forbid(principal, action, resource == Tool::"rec/tidy");
"""
SECRET: Final = "webhook-secret-" + "5e" * 16


@dataclass
class Listener:
    """A webhook of the operator's."""

    port: int = 0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@dataclass
class Place:
    gate: Gate
    key: Key
    other: Key
    rec: Upstream
    listener: Listener

    def call(self, name: str, key: Key | None = None, door: str = REST, **arguments: Any) -> Answer:
        arguments = {"word": "a"} | arguments
        return Agent(self.gate, key or self.key, door).call("rec", name, **arguments)

    def asked(self, name: str, **arguments: Any) -> str:
        """Make a call that is asked about; return the question's id."""
        answer = self.call(name, **arguments)
        assert answer.refusal["reason"] == "approval_required", answer.body
        return str(answer.refusal["approval"])

    def answer(self, action: str, approval: str, token: str | None = None, **body: Any) -> Answer:
        path = f"/api/v1/approvals/{approval}/{action}"
        return self.gate.admin(path, token, method="POST", body=body)

    def command(self, *words: str, text: str | None = None) -> dict[str, Any]:
        """Run a command beside the gate, in this process: a new one takes its time to start."""
        line = ["approval", *words, "--json", "--config", str(self.gate.config)]
        done = CliRunner().invoke(root, line, input=text)
        assert done.exit_code == 0, done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def approver(self, name: str) -> str:
        return str(self.command("approver", "add", name)["secret"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("approvals")
    listener = Listener()
    tools = [tool(name, reads=False) for name in ("delete", "pay", "wire", "look", "tidy", "wipe")]
    with serving(*tools) as rec, listening(listener):
        gate = Gate(
            folder,
            f"""\
servers:
  rec: {{url: "{rec.url}", tools: {{pay: {{cost: 1 USD}}}}}}
roles:
  writer: ["rec.delete:write", "rec.pay:write", "rec.look:write", "rec.tidy:write", "rec.wipe:write"]
  wirer: ["rec.look:write"]
limits: {{every_key: {{budget: 1 USD/day}}, breaker: {{failures: 10000}}}}
approvals: {{webhook: "http://127.0.0.1:{listener.port}/told?by=yett", secret: "secret:hook"}}
""",
        )
        (folder / "policies").mkdir()
        (folder / "policies" / "ask.cedar").write_text(POLICIES)
        gate.yett("secret", "set", "hook", "--server", "approvals", text=SECRET)
        key, other = gate.key("agent", "writer"), gate.key("other", "writer", "wirer")
        with running(gate):
            found = Place(gate, key, other, rec, listener)
            wait_until(lambda: len(Agent(gate, other, REST).tools()) == 6)
            yield found


class listening:  # noqa: N801 - read as a word
    def __init__(self, listener: Listener) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.got.append((dict(self.headers) | {":path": self.path}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        listener.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_the_whole_story_by_command(place: Place) -> None:
    before = len(place.rec.calls_of("delete"))
    refused = place.call("delete", word="story")
    assert (refused.status, refused.refusal["reason"]) == (403, "approval_required")
    assert "Deleting needs a yes" in refused.refusal["detail"]
    approval = refused.refusal["approval"]
    record = place.gate.record_of(refused)
    assert (record["decision"], record["status"]) == ("denied", "refused")

    assert approval in place.gate.yett("approval", "list")
    shown = place.command("show", approval)
    assert shown["arguments"] == '{"word":"story"}'
    assert (shown["caller"]["name"], shown["server"], shown["tool"]) == ("agent", "rec", "delete")
    assert len(place.rec.calls_of("delete")) == before

    place.gate.yett("approval", "approve", approval)
    answer = place.call("delete", word="story")
    assert answer.status == 200
    intent = place.gate.record_of(answer)
    assert intent["approval"]["id"] == approval
    assert intent["approval"]["approvers"][0].startswith("cli:")

    again = place.call("delete", word="story")
    assert again.refusal["reason"] == "approval_required"
    assert again.refusal["approval"] != approval
    assert len(place.rec.calls_of("delete")) == before + 1


def test_the_whole_story_by_the_admin_api(place: Place) -> None:
    approval = place.asked("delete", word="by api")
    waiting = place.gate.admin("/api/v1/approvals").json["approvals"]
    assert approval in {request["id"] for request in waiting}
    assert (
        place.gate.admin(f"/api/v1/approvals/{approval}").json["arguments"] == '{"word":"by api"}'
    )

    assert place.answer("approve", approval, reason="fine").json["state"] == "approved"
    assert place.call("delete", word="by api").status == 200
    assert place.gate.admin(f"/api/v1/approvals/{approval}").json["state"] == "used"
    closed = place.answer("approve", approval)
    assert (closed.status, "is used" in closed.json["detail"]) == (400, True)


def test_a_policy_may_read_whether_people_have_agreed(place: Place) -> None:
    approval = place.asked("wipe", word="all")
    assert place.gate.admin(f"/api/v1/approvals/{approval}").json["policies"] == ["wiping"]
    place.answer("approve", approval)
    assert place.call("wipe", word="all").status == 200
    assert place.asked("wipe", word="all") != approval


@pytest.mark.parametrize("by", ["command", "api"])
def test_a_no_is_a_no(by: str, place: Place) -> None:
    approval = place.asked("delete", word=by)
    if by == "command":
        place.command("deny", approval, "--reason", "never")
    else:
        assert place.answer("deny", approval).status == 200

    answer = place.call("delete", word=by)
    assert (answer.refusal["reason"], answer.refusal["approval"]) == ("approval_denied", approval)
    assert place.call("delete", word=by, door=MODERN).refusal["reason"] == "approval_denied"


@pytest.mark.parametrize("door", DOORS)
def test_a_yes_is_good_at_every_door_and_the_tool_is_listed_there(door: str, place: Place) -> None:
    assert any("delete" in name for name in Agent(place.gate, place.key, door).tools())
    answer = place.call("delete", door=door, word=door)
    assert (answer.refusal["reason"], answer.code) == ("approval_required", None if door == REST else 403)  # fmt: skip
    place.answer("approve", answer.refusal["approval"])
    other = REST if door == MODERN else MODERN
    assert place.call("delete", door=other, word=door).text == json.dumps({"word": door})


def test_of_fifty_calls_at_once_one_reaches_the_server(place: Place) -> None:
    place.answer("approve", place.asked("delete", word="crowd"))
    before = len(place.rec.calls_of("delete"))
    with ThreadPoolExecutor(50) as crowd:
        answers = list(crowd.map(lambda _: place.call("delete", word="crowd"), range(50)))

    assert sorted({answer.status for answer in answers}) == [200, 403]
    assert [answer.status for answer in answers].count(200) == 1
    assert {answer.refusal["reason"] for answer in answers if answer.status == 403} == {"approval_required"}  # fmt: skip
    assert len(place.rec.calls_of("delete")) == before + 1


def test_what_differs_by_anything_is_asked_about_anew(place: Place) -> None:
    """Z14: other arguments, another key, another tool."""
    approval = place.asked("delete", word="mine")
    place.answer("approve", approval)
    before = len(place.rec.works)

    for attempt in (
        place.call("delete", word="mine "),
        place.call("delete", word="Mine"),
        place.call("delete", word="mine", number=1),
        place.call("delete", place.other, word="mine"),
        place.call("wire", place.other, word="mine"),
    ):
        assert attempt.refusal["reason"] == "approval_required"
        assert attempt.refusal["approval"] != approval
    assert len(place.rec.works) == before
    assert place.call("delete", word="mine").status == 200


def test_two_people_are_two_people(place: Place) -> None:
    approval = place.asked("pay", number=101)
    bo, cy = place.approver("bo"), place.approver("cy")

    alone = place.answer("approve", approval)
    assert (alone.status, "2 different people" in alone.json["detail"]) == (400, True)
    for _ in range(2):
        assert place.answer("approve", approval, bo).json["state"] == "pending"
    assert place.command("approve", approval, "--as", "bo", text=bo)["state"] == "pending"
    assert place.asked("pay", number=101) == approval

    assert place.command("approve", approval, "--as", "cy", text=cy)["state"] == "approved"
    answer = place.call("pay", number=101)
    assert place.gate.record_of(answer)["approval"]["approvers"] == ["bo", "cy"]


def test_a_yes_is_not_lost_to_a_call_for_which_there_is_no_money(place: Place) -> None:
    """The budget is one dollar, and the test above has spent it."""
    approval = place.asked("pay", number=500)
    place.command("approve", approval, "--break-glass", "--reason", "the house burns")

    assert place.call("pay", number=500).refusal["reason"] == "budget_exhausted"
    assert place.command("show", approval)["state"] == "approved"
    (broken,) = place.gate.events("approval.break_glass")
    assert broken["details"]["alert"] == "high"
    assert "alert: approval.break_glass" in place.gate.printed()


def test_an_approver_may_answer_and_nothing_else(place: Place) -> None:
    secret = place.approver("dora")
    approval = place.asked("delete", word="for dora")

    for path in ("/", "/metrics", "/api/v1/keys", "/api/v1/status", "/api/v1/approvalsx", "/api/v1/approvals/../keys"):  # fmt: skip
        assert place.gate.admin(path, secret).status in (401, 404), path
    assert place.gate.admin("/api/v1/approvals", secret).status == 200
    assert place.gate.admin("/api/v1/approvals", place.key.secret).status == 401
    assert place.answer("approve", approval, secret).json["answers"][0]["name"] == "dora"
    for body in ({"reason": 1}, {"break_glass": "yes"}, {"more": True}, {"reason": "a\nb"}):
        assert place.answer("deny", approval, secret, **body).status == 400
    place.command("approver", "remove", "dora")
    assert place.gate.admin("/api/v1/approvals", secret).status == 401
    assert place.asked("delete", word="for dora") == approval  # her yes counts no more


def test_a_policy_that_changes_takes_its_yes_along(place: Place) -> None:
    approval = place.asked("delete", word="policy")
    place.answer("approve", approval)
    file = place.gate.folder / "policies" / "ask.cedar"
    file.write_text(POLICIES + "// changed\n")
    wait_until(lambda: len(place.gate.events("configuration.reloaded")) >= 1)

    assert place.asked("delete", word="policy") != approval


def test_a_tool_that_changes_takes_its_yes_along(place: Place) -> None:
    def refusal() -> dict[str, Any]:
        return place.call("wire", place.other, word="x").refusal

    approval = refusal()["approval"]
    place.answer("approve", approval)
    place.rec.offer.tools["wire"] = tool("wire", reads=False, description="Does more now")
    with place.rec.restarting():
        place.call("look")
    wait_until(lambda: refusal().get("reason") == "tool_quarantined", 10)
    place.gate.yett("tool", "approve", "rec", "wire", "--yes")

    wait_until(lambda: refusal()["reason"] == "approval_required", 10)
    assert refusal()["approval"] != approval
    assert place.rec.calls_of("wire") == []


def test_what_was_asked_for_a_key_ends_with_it(place: Place) -> None:
    key = place.gate.key("short-lived", "writer")
    approval = place.call("delete", key, word="mine").refusal["approval"]
    place.answer("approve", approval)
    place.gate.yett("key", "revoke", "short-lived")

    assert place.command("show", approval)["state"] == "withdrawn"


def test_the_webhook_is_told_and_can_tell_by_whom(place: Place) -> None:
    approval = place.asked("delete", word="gh" + "p_" + "q9" * 8)

    def told() -> list[tuple[dict[str, str], bytes]]:
        return [item for item in place.listener.got if approval.encode() in item[1]]

    wait_until(told, 10)
    headers, body = told()[0]
    signed = headers["Yett-Timestamp"].encode() + b"." + body
    assert (
        headers["Yett-Signature"] == f"v1={hmac.new(SECRET.encode(), signed, 'sha256').hexdigest()}"
    )
    assert headers[":path"] == "/told?by=yett"
    message = json.loads(body)
    assert message["type"] == "approval.requested"
    assert message["approval"]["id"] == approval


@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
@pytest.mark.parametrize("agrees", [True, False])
async def test_the_person_at_the_agent_is_asked_by_the_agents_own_program(
    mode: str, place: Place, *, agrees: bool
) -> None:
    """The official client, as a program with a form would use it."""
    before = len(place.rec.calls_of("tidy"))
    word = f"{mode} {agrees}"
    account = await visit(
        {
            "url": f"http://127.0.0.1:{place.gate.port}/mcp/rec",
            "key": place.key.secret,
            "mode": mode,
            "answers": {"elicitation": {"action": "accept", "content": {"agree": agrees}}},
            "steps": [{"method": "tools/call", "params": {"name": "tidy", "arguments": {"word": word}}}],
        }
    )  # fmt: skip
    (outcome,) = account["outcomes"]
    assert account["complaints"] == []
    if agrees:
        assert json.loads(outcome["result"]["content"][0]["text"]) == {"word": word}
        wait_until(lambda: "the person at agent" in str(place.gate.events("approval.approved")))
    else:
        assert "A person refused this call" in json.dumps(outcome)
    assert len(place.rec.calls_of("tidy")) == before + agrees


def test_whose_program_shows_no_forms_waits_for_others(place: Place) -> None:
    refused = place.call("tidy", door=MODERN, word="no forms")
    assert (refused.code, refused.refusal["reason"]) == (403, "approval_required")
    place.answer("approve", refused.refusal["approval"])
    assert place.call("tidy", door=MODERN, word="no forms").status == 200


def test_a_stolen_changed_or_repeated_answer_is_none(place: Place) -> None:
    def ask(key: Key, state: str = "", **params: Any) -> Answer:
        agent = Agent(place.gate, key, MODERN, "/mcp/rec")
        params = {"name": "tidy", "arguments": {"word": "stolen"}} | params
        params["_meta"] = meta() | {
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}
        }
        if state:
            answer = {"action": "accept", "content": {"agree": True}}
            params |= {"requestState": state, "inputResponses": {"approval": answer}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        headers = agent.headers("tools/call", params)
        return place.gate.request("POST", agent.path, message, key=key, headers=headers)

    asked = ask(place.key).json["result"]
    assert asked["resultType"] == "input_required"
    state = asked["requestState"]
    middle = len(state) // 2
    altered = state[:middle] + ("A" if state[middle] != "A" else "B") + state[middle + 1 :]
    before = len(place.rec.calls_of("tidy"))
    for refused in (
        ask(place.other, state),
        ask(place.key, altered),
        ask(place.key, state, arguments={"word": "stolen "}),
        ask(place.key, state, name="look"),
    ):
        assert refused.refusal["reason"] == "invalid_state", refused.body
    assert len(place.rec.calls_of("tidy")) == before

    assert json.loads(ask(place.key, state).text) == {"word": "stolen"}
    repeated = ask(place.key, state)
    assert repeated.refusal["reason"] == "approval_required"
    assert len(place.rec.calls_of("tidy")) == before + 1


def test_a_restart_keeps_what_was_asked_and_answered(place: Place) -> None:
    pending = place.asked("delete", word="kept waiting")
    granted = place.asked("delete", word="kept yes")
    place.answer("approve", granted)
    assert place.gate.stop() == 0
    states = {
        row["id"]: row["state"] for row in _rows(place.gate.yett("approval", "list", "--json"))
    }
    assert (states[pending], states[granted]) == ("pending", "approved")
    place.command("approve", pending)  # nobody serves, and it counts all the same
    place.gate.start()

    assert place.call("delete", word="kept yes").status == 200
    assert place.call("delete", word="kept waiting").status == 200
    names = {event["event"] for event in place.gate.records("--kind", "event")}
    assert {"approval.requested", "approval.approved", "approval.used", "approver.added"} <= names
    assert "ok" in place.gate.yett("audit", "verify")


def _rows(lines: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.splitlines()]
