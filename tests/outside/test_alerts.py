"""What people should hear of, on a running gate: found out, told to each kind of destination, looked after by
command and by the admin API, and in the record."""

import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from tests.outside.gate import REST, Agent, Gate, Key, running
from tests.outside.upstream import Upstream, serving, tool, wait_until
from tests.receivers import (
    Collector,
    Hook,
    MailServer,
    authority,
    collector,
    hook,
    mail_server,
)
from yett.cli.root import root

SECRET: Final = "hook-secret-" + "7f" * 16
TOKEN: Final = "honey-" + "3a" * 20


@dataclass
class Place:
    gate: Gate
    key: Key
    rec: Upstream
    webhook: Hook
    slack: Hook
    mail: MailServer
    siem: Collector

    def command(self, *words: str) -> str:
        """Run a command beside the gate, in this process: a new one takes its time to start."""
        done = CliRunner().invoke(root, ["alert", *words, "--config", str(self.gate.config)])
        assert done.exit_code == 0, done.output
        return done.stdout

    def alerts(self, kind: str) -> list[dict[str, Any]]:
        lines = self.command("list", "--json").splitlines()
        return [one for line in lines if (one := json.loads(line))["kind"] == kind]

    def told(self, kind: str) -> list[dict[str, Any]]:
        documents = [json.loads(one.body) for one in self.webhook.got]
        return [one for one in documents if one["alert"]["kind"] == kind]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("alerts")
    known = authority(folder)
    with (
        serving(tool("look"), tool("find")) as rec,
        hook(known.context) as webhook,
        hook(known.context) as slack,
        mail_server(known.context) as mail,
        collector(known.context) as siem,
    ):
        gate = Gate(
            folder,
            f"""\
servers:
  rec: {{url: "{rec.url}"}}
roles:
  reader: ["rec.look:read"]
alerts:
  to:
    hook: {{webhook: "https://localhost:{webhook.port}/told", secret: "secret:hook", ca: receivers-ca.pem}}
    chat: {{slack: "secret:slack-url", ca: receivers-ca.pem}}
    post:
      email: {{server: "localhost:{mail.port}", sender: gate@a.example, to: [ops@a.example], username: gate, password: "secret:mail"}}
      ca: receivers-ca.pem
    siem: {{syslog: "localhost:{siem.port}", ca: receivers-ca.pem}}
    other: {{webhook: "https://localhost:{webhook.port}/other", secret: "secret:hook", ca: receivers-ca.pem}}
  routes:
    - {{to: [hook, chat, post, siem]}}
    - {{to: [other], tenants: [another]}}
""",
        )
        slack_url = f"https://localhost:{slack.port}/services/T0/B0/secret-part"
        for name, value in (("hook", SECRET), ("slack-url", slack_url), ("mail", "mail password")):
            _store(gate, name, "--server", "alerts", value=value)
        _store(gate, "trap", "--honeytoken", value=TOKEN)
        key = gate.key("laptop", "reader")
        with running(gate):
            found = Place(gate, key, rec, webhook, slack, mail, siem)
            wait_until(lambda: Agent(gate, key, REST).tools() != [], seconds=30)
            yield found


def _store(gate: Gate, *words: str, value: str) -> None:
    line = ["secret", "set", *words, "--config", str(gate.config)]
    done = CliRunner().invoke(root, line, input=value)
    assert done.exit_code == 0, done.output


def soon(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + 15
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_test_goes_through_every_destination(place: Place) -> None:
    lines = place.command("test", "--json").splitlines()

    assert [json.loads(line)["ok"] for line in lines] == [True] * 5
    assert "secret-part" not in place.gate.printed()
    soon(lambda: place.gate.events("alert.tested"))


def test_a_honeytoken_is_told_everywhere_once_and_only_to_whom_it_concerns(place: Place) -> None:
    for _ in range(3):
        answer = place.gate.execute("rec", "look", place.key, word=f"x {TOKEN} y")
        assert answer.refusal["reason"] == "argument_denied"
    soon(lambda: place.told("secret.honeytoken"))
    soon(lambda: any("honeytoken" in one.text for one in place.mail.got))
    soon(lambda: any(b"secret.honeytoken" in one.body for one in place.slack.got))

    told = place.told("secret.honeytoken")
    assert len(told) == 1
    alert = told[0]["alert"]
    assert (told[0]["type"], alert["severity"], alert["subject"]) == (
        "alert.raised", "high", f"key:{place.key.id}",
    )  # fmt: skip
    assert alert["numbers"]["key"] == "laptop"
    (posted,) = [one for one in place.webhook.got if b"secret.honeytoken" in one.body]
    assert posted.path == "/told"  # the other tenant's place heard nothing
    signed = posted.headers["Yett-Timestamp"].encode() + b"." + posted.body
    expected = hmac.new(SECRET.encode(), signed, "sha256").hexdigest()
    assert posted.headers["Yett-Signature"] == f"v1={expected}"
    letter = next(one for one in place.mail.got if "honeytoken" in one.text)
    assert letter.secured
    assert letter.receivers == ["ops@a.example"]
    soon(lambda: any(b"secret.honeytoken" in one for one in place.siem.got))
    everything = repr((place.webhook.got, place.slack.got, place.mail.got, place.siem.got))
    assert TOKEN not in everything
    soon(lambda: place.gate.events("alert.raised"))


def test_a_run_of_denials_is_explained_counted_and_looked_after(place: Place) -> None:
    thief = place.gate.key("thief", "reader")
    for number in range(25):
        place.gate.execute("rec", f"tool{number}", thief)
    soon(lambda: place.told("denials"))

    (alert,) = place.alerts("denials")
    assert alert["subject"] == f"key:{thief.id}"
    assert "key thief was refused" in alert["says"]
    assert "in a row" in alert["says"]
    place.command("ack", alert["id"], "--note", "it is a drill")
    (alert,) = place.alerts("denials")
    assert (alert["state"], alert["note"]) == ("acknowledged", "it is a drill")
    shown = place.gate.admin(f"/api/v1/alerts/{alert['id']}").json
    assert shown["state"] == "acknowledged"
    assert "what it tried" in place.command("show", alert["id"])
    soon(lambda: place.gate.events("alert.acknowledged"))
    (event,) = place.gate.events("alert.acknowledged")
    assert event["details"]["alert_id"] == alert["id"]


def test_refused_credentials_of_one_address_are_told(place: Place) -> None:
    for _ in range(25):
        place.gate.request("GET", "/v1/tools", key="yett_live_AAAAAAAA_nonsense")
    soon(lambda: place.told("credentials"))

    (alert,) = place.alerts("credentials")
    assert alert["subject"] == "address:127.0.0.0/24"


def test_what_is_silenced_is_recorded_and_nobody_is_told(place: Place) -> None:
    quiet = place.gate.key("quiet", "reader")
    place.command("silence", "key:quiet", "--for", "1h", "--reason", "a drill")
    listed = place.command("silences", "--json")
    assert json.loads(listed)["what"] == f"key:{quiet.id}"
    for number in range(25):
        place.gate.execute("rec", f"tool{number}", quiet)
    subject = f"key:{quiet.id}"
    soon(lambda: any(one["subject"] == subject for one in place.alerts("denials")))

    assert [one["alert"]["subject"] for one in place.told("denials")].count(subject) == 0
    soon(lambda: quiet.id in repr(place.gate.events("alert.raised")))
    raised = [one["details"] for one in place.gate.events("alert.raised")]
    assert [one["told"] for one in raised if one["subject"] == subject] == [[]]
    path = f"/api/v1/alert-silences/{json.loads(listed)['id']}"
    assert place.gate.admin(path, method="DELETE").json["ended"]
    assert place.command("silences", "--json") == ""


def test_who_is_asked_what_is_wrong_with_a_command_says_it(place: Place) -> None:
    for words, said in (
        (("alert", "silence", "nonsense", "--for", "1h", "--reason", "x"), "no kind of alert"),
        (("alert", "silence", "volume", "--for", "long", "--reason", "x"), "duration"),
        (("alert", "silence", "volume", "--for", "400d", "--reason", "x"), "90 days"),
        (("alert", "show", "al_0"), "There is no alert"),
        (("alert", "test", "--to", "nobody"), "no destination"),
    ):
        done = CliRunner().invoke(root, [*words, "--config", str(place.gate.config)])
        assert done.exit_code == 1
        assert said in done.stderr


def test_the_metrics_say_what_waits(place: Place) -> None:
    text = place.gate.admin("/metrics").body.decode()

    assert "yett_alert_messages_waiting 0.0" in text
    assert "yett_alerts_open " in text
