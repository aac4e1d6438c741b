"""The webhook is told at least once, not for ever, and nothing it answers is a yes."""

import hmac
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.yett.authorization.approval.asking import ANNA, Office, validated
from yett.authorization.approval.webhook import FIRST_PAUSE_SECONDS, TELLS_MAX, Webhook
from yett.core.proofs import Ask
from yett.core.secret import Secret

KEY = Secret("k" * 32)


class Listener(http.server.HTTPServer):
    """answers: statuses in turn; after them 204."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.got: list[tuple[dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/told"

    def ids(self) -> list[str]:
        return [json.loads(body)["approval"]["id"] for _, body in self.got]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        status = self.server.answers.pop(0) if self.server.answers else 204
        self.send_response(status)
        self.send_header("Location", f"{self.server.url}/elsewhere")
        self.end_headers()
        self.wfile.write(b'{"answer": "yes", "approved": true}' * (status != 204))

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    found = Office(tmp_path / "data")
    found.desk.tells = True
    yield found
    found.close()


async def test_it_is_told_once_if_it_listens_and_can_check_the_signature(office: Office) -> None:
    listener = Listener()
    webhook = Webhook(office.database, office.clock)
    identifier = await office.asked()
    for _ in range(3):
        webhook.tell(listener.url, lambda: KEY)
        office.clock.pass_seconds(60)

    assert listener.ids() == [identifier]
    headers, body = listener.got[0]
    signed = headers["Yett-Timestamp"].encode() + b"." + body
    expected = hmac.new(KEY.reveal(), signed, "sha256").hexdigest()
    assert headers["Yett-Signature"] == f"v1={expected}"
    assert office.registry.show(identifier)["state"] == "pending"
    listener.shutdown()
    listener.server_close()


@pytest.mark.parametrize("status", [200, 301, 307, 404, 500])
async def test_what_is_not_taken_is_told_again_later_and_nothing_answered_is_a_yes(
    status: int, office: Office
) -> None:
    listener = Listener(status)
    webhook = Webhook(office.database, office.clock)
    identifier = await office.asked()
    webhook.tell(listener.url, lambda: KEY)
    office.clock.pass_seconds(FIRST_PAUSE_SECONDS - 1)
    webhook.tell(listener.url, lambda: KEY)
    assert len(listener.got) == 1  # no redirection is followed, and nobody is hurried
    office.clock.pass_seconds(1)
    webhook.tell(listener.url, lambda: KEY)

    assert listener.ids() == [identifier] * (1 if status == 200 else 2)
    assert office.registry.show(identifier)["state"] == "pending"
    listener.shutdown()
    listener.server_close()


async def test_nobody_there_is_tried_a_few_times_and_then_it_is_an_alert(office: Office) -> None:
    webhook = Webhook(office.database, office.clock)
    identifier = await office.asked(ask=Ask(("careful",), seconds=86_400))
    for _ in range(TELLS_MAX + 3):
        webhook.tell("http://127.0.0.1:9/", lambda: KEY)
        office.clock.pass_seconds(FIRST_PAUSE_SECONDS * 2**TELLS_MAX // 4)

    untold = [event for event in office.events() if event["event"] == "approval.untold"]
    assert [(event["approval"], event["alert"]) for event in untold] == [(identifier, "high")]


async def test_what_was_answered_meanwhile_is_told_no_more(office: Office) -> None:
    listener = Listener()
    webhook = Webhook(office.database, office.clock)
    approved, denied = await office.asked(), await office.asked(validated({"title": "b"}))
    office.registry.approve(approved, ANNA)
    office.registry.deny(denied, ANNA)
    webhook.tell(listener.url, lambda: KEY)

    assert listener.got == []
    listener.shutdown()
    listener.server_close()
