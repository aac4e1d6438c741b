"""What waits is delivered at least once, by real servers; a destination that hangs or fails holds nobody else."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clock import HandClock
from tests.receivers import Authority, authority, collector, hook
from yett.alerts import queue
from yett.alerts.alert import Alert, Sighting
from yett.alerts.book import AlertBook
from yett.alerts.config import AlertsConfig, Destination, Email
from yett.alerts.courier import FAILURES_UNTIL_ALERT, Courier
from yett.alerts.desk import AlertDesk
from yett.alerts.messages import as_document, as_mail, as_slack, as_syslog
from yett.alerts.sending import Sender, split_host
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.delivery import Undelivered
from yett.storage.build import open_database

KEY = Secret("k" * 32)
HOSTILE = '<!channel> <https://evil.example|click>\r\nBcc: x@evil.example\n.\n<1>1 fake \x1b[2J "]'


class Office:
    def __init__(self, folder: Path, known: Authority) -> None:
        self.clock = HandClock()
        self.ca = str(known.ca.path)
        self.database = open_database(folder / "data")
        self.book = AlertBook(self.database, self.clock)
        self.secrets = {"secret:hook": KEY}
        self.courier = self.start()

    def start(self) -> Courier:
        return Courier(self.database, self.book, Sender(self.secret, self.clock), self.clock)

    def secret(self, reference: str) -> Secret:
        if reference not in self.secrets:
            raise Fault(Reason.INTERNAL_ERROR, "there is no such secret")
        return self.secrets[reference]

    def webhook(self, port: int, path: str = "told") -> Destination:
        return Destination(
            webhook=f"https://localhost:{port}/{path}", secret="secret:hook", ca=self.ca
        )

    def problem(self) -> str:
        rows = self.database.fetch("select problem from alert_messages")
        return str(rows[0][0]) if rows else ""


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("known"))


@pytest.fixture
def office(tmp_path: Path, known: Authority) -> Iterator[Office]:
    found = Office(tmp_path, known)
    yield found
    soon(lambda: not found.courier._busy)
    found.database.close()


def soon(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + 15
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def seen(subject: str = "key:k1", **more: Any) -> Sighting:
    return Sighting("denials", subject, "key laptop was refused", **{"severity": "high"} | more)


def alert(says: str = HOSTILE) -> Alert:
    return Alert(
        "al_1", "denials", f"key:{says}", "t", "high", says, {"key": says}, "open",
        silenced=False, first_at=0.0, last_at=0.0, count=1,
    )  # fmt: skip


def test_what_was_not_taken_is_sent_again_after_a_restart(office: Office, known: Authority) -> None:
    with hook(known.context, 500) as listener:
        config = AlertsConfig(to={"ops": office.webhook(listener.port)})
        office.book.note([seen()], config)
        office.courier.turn(config)
        soon(office.problem)
        assert office.problem() == "answered 500"
        office.courier.turn(config)
        office.courier = office.start()
        office.clock.pass_seconds(queue.FIRST_PAUSE_SECONDS)
        office.courier.turn(config)
        soon(lambda: not office.courier.figures())

    assert [json.loads(one.body)["alert"]["subject"] for one in listener.got] == ["key:k1"] * 2


def test_an_alert_that_cannot_be_put_into_words_holds_no_other(
    office: Office, known: Authority
) -> None:
    """Attack: whatever a server could call itself to that end, what comes after it is told, and it is given up."""
    with hook(known.context) as listener:
        config = AlertsConfig(to={"ops": office.webhook(listener.port)})
        office.book.note([seen("key:k1"), seen("key:k2")], config)
        with office.database.transaction() as transaction:
            transaction.execute(
                "update alerts set numbers = ? where subject = 'key:k1'", ('{"key": "\\ud800"}',)
            )
        office.courier.turn(config)
        soon(lambda: listener.got)
        soon(lambda: not office.courier._busy)

        assert json.loads(listener.got[0].body)["alert"]["subject"] == "key:k2"
        assert office.problem() == "it cannot be put into words: UnicodeEncodeError"
        office.clock.pass_seconds(queue.GIVE_UP_SECONDS + 1)
        office.courier.turn(config)
        soon(lambda: not office.courier.figures())


def test_one_that_hangs_holds_no_other_and_no_turn(office: Office, known: Authority) -> None:
    with hook(drips=True) as hanging, hook(known.context) as listener:
        slow = Destination(webhook=f"http://127.0.0.1:{hanging.port}/", secret="secret:hook")
        config = AlertsConfig(to={"slow": slow, "soc": office.webhook(listener.port)})
        office.book.note([seen()], config)
        began = time.monotonic()
        for _ in range(50):
            office.courier.turn(config)
        assert time.monotonic() - began < 5
        soon(lambda: listener.got)
        soon(lambda: set(office.courier.figures()) == {"slow"})
        assert len(hanging.got) <= 1  # asked once at a time


def test_one_that_fails_is_told_to_the_others_until_it_is_back(
    office: Office, known: Authority
) -> None:
    with hook(known.context) as listener, hook(known.context, *[503] * 4) as failing:
        config = AlertsConfig(
            to={"soc": office.webhook(listener.port), "ops": office.webhook(failing.port)}
        )
        office.book.note([seen()], config)
        for expected in range(1, FAILURES_UNTIL_ALERT + 2):
            office.courier.turn(config)
            soon(lambda expected=expected: office.courier.failures.get("ops") == expected)  # type: ignore[misc]  # the value of this round
            soon(lambda: not office.courier._busy)
            office.clock.pass_seconds(100)
        told = [one for one in office.book.find() if one.kind == "destination"]
        assert [one.subject for one in told] == ["destination:ops"]
        assert "answered 503" in told[0].says
        office.courier.turn(config)
        soon(lambda: not office.courier.figures().get("ops"))
        soon(lambda: not [one for one in office.book.find() if one.kind == "destination"])
        office.courier.turn(config)
        soon(lambda: b"alert.resolved" in b"".join(one.body for one in listener.got))

    assert not [one for one in failing.got if b'"destination"' in one.body]


def test_a_destination_that_is_gone_from_the_configuration_is_forgotten(office: Office) -> None:
    office.book.note([seen()], AlertsConfig(to={"ops": office.webhook(9)}))
    office.courier.turn(AlertsConfig())

    assert office.courier.figures() == {}


def test_a_missing_secret_is_said_and_never_a_reason_to_send_unsigned(
    office: Office, known: Authority
) -> None:
    office.secrets.clear()
    with hook(known.context) as listener:
        config = AlertsConfig(to={"ops": office.webhook(listener.port)})
        office.book.note([seen()], config)
        office.courier.turn(config)
        soon(office.problem)

    assert office.problem() == "there is no such secret"
    assert listener.got == []


@pytest.mark.parametrize(
    "address",
    [
        "http://hooks.example.com/x",
        "ftp://h/x",
        "https://",
        "https://h\n/x",
        "nonsense",
        "https://h:x/",
    ],
)
def test_an_address_that_others_could_read_is_not_used_nor_quoted(
    address: str, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.secrets["secret:slack"] = Secret(address)
    config = AlertsConfig(to={"ops": Destination(slack="secret:slack")})
    office.book.note([seen()], config)
    office.courier.turn(config)
    soon(office.problem)

    assert office.problem().startswith("its address")
    assert address not in caplog.text


def test_mail_goes_in_the_clear_to_this_machine_only(office: Office) -> None:
    email = Email(
        server="mail.example.com", sender="a@a.example", to=("b@b.example",), security="none"
    )
    with pytest.raises(Undelivered, match="this machine only"):
        Sender(office.secret, office.clock).send(Destination(email=email), "test", alert())


def test_nothing_that_a_stranger_wrote_is_markup_a_header_or_a_second_line() -> None:
    text = json.loads(as_slack("raised", alert()))["text"]
    assert "<" not in text.replace("&lt;", "")
    letter = as_mail("raised", alert(), Email(sender="a@a.example", to=("b@b.example",)), 0.0)
    assert letter["Bcc"] is None
    assert "\x1b" not in letter.as_string()
    assert "\n.\n" not in letter.as_string()
    line = as_syslog("raised", alert(), host="h", process=1, now=0.0)
    assert b"\n" not in line
    assert b"\x1b" not in line
    assert json.loads(as_document("raised", alert()))["alert"]["says"] == HOSTILE


def test_a_syslog_collector_that_breaks_off_did_not_take_it(
    office: Office, known: Authority
) -> None:
    with collector(known.context) as siem:
        config = AlertsConfig(
            to={"siem": Destination(syslog=f"localhost:{siem.port}", ca=office.ca)}
        )
        office.book.note([seen()], config)
        office.courier.turn(config)
        soon(lambda: siem.got)
        soon(lambda: not office.courier.figures())
    office.book.note([seen("key:k2")], config)
    office.courier.turn(config)
    soon(office.problem)

    assert "refused" in office.problem()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h", ("h", 6)), ("h:7", ("h", 7)), ("[::1]", ("::1", 6)), ("[::1]:7", ("::1", 7)),
        ("10.0.0.1:7", ("10.0.0.1", 7)),
    ],
)  # fmt: skip
def test_hosts_are_read_with_and_without_a_port(text: str, expected: tuple[str, int]) -> None:
    assert split_host(text, 6) == expected


def test_what_was_said_with_an_event_is_noted_without_secrets_and_ended_by_its_end(
    office: Office,
) -> None:
    desk = AlertDesk(
        office.database,
        office.clock,
        secret=office.secret,
        whose=lambda one: (f"<{one}>", "acme"),
        redact_text=lambda text: text.replace("hunter2", "***"),
    )
    desk.hear({"event": "key.created", "caller": "k1"})
    desk.hear({"event": "policy.error", "alert": "high", "policy": "p", "caller": "k1", "why": "hunter2 " * 90})  # fmt: skip
    changed = {"event": "tool.quarantined", "alert": "high", "server": "s", "tool": "t\n\x1b[2J"}
    desk.hear(changed)
    desk.turn(AlertsConfig())

    policy, tool = sorted(office.book.find(), key=lambda one: one.kind)
    assert (policy.kind, policy.subject, policy.tenant) == ("policy.error", "key:k1", "acme")
    assert policy.numbers["key"] == "<k1>"
    assert "hunter2" not in policy.says
    assert len(policy.says) < 400
    assert tool.subject == "tool:s/t  [2J"
    desk.hear(changed | {"event": "tool.restored"})
    desk.turn(AlertsConfig())
    assert [one.kind for one in office.book.find()] == ["policy.error"]


def test_an_event_that_cannot_be_noted_is_noted_later(office: Office) -> None:
    desk = AlertDesk(
        office.database,
        office.clock,
        secret=office.secret,
        whose=lambda one: (one, ""),
        redact_text=str,
    )
    desk.hear({"event": "lock.damaged", "alert": "high"})
    with office.database.transaction() as transaction:
        transaction.execute("alter table alerts rename to away")
    with pytest.raises(Fault):
        desk.turn(AlertsConfig())
    with office.database.transaction() as transaction:
        transaction.execute("alter table away rename to alerts")
    desk.turn(AlertsConfig())

    assert [one.kind for one in office.book.find()] == ["lock.damaged"]
