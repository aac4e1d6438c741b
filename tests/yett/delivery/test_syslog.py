"""RFC 5424 over RFC 5425: one line each, whatever is in it."""

import time
from pathlib import Path

import pytest

from tests.receivers import authority, collector
from yett.delivery import Undelivered
from yett.delivery.syslog import message, send


def test_messages_arrive_whole_and_in_order(tmp_path: Path) -> None:
    known = authority(tmp_path)
    messages = [
        message(severity=1, at=0.5, host="gate", process=7, kind="volume", text=f'{{"n":{n}}}')
        for n in range(3)
    ]
    with collector(known.context) as siem:
        send("localhost", siem.port, messages, ca=str(known.ca.path))
        with pytest.raises(Undelivered, match="not trusted"):
            send("localhost", siem.port, messages)
        deadline = time.monotonic() + 5
        while len(siem.got) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)

    assert siem.got == messages
    assert messages[0] == b'<105>1 1970-01-01T00:00:00.500000Z gate yett 7 volume - {"n":0}'


def test_nothing_in_a_message_makes_a_second_one_or_a_field() -> None:
    sent = message(severity=5, at=0, host="a b\n", process=1, kind="x y]", text="a\n<1>1 é\x1b[2J")

    assert sent.split(b" ", 7)[2:] == [b"ab", b"yett", b"1", b"xy]", b"-", b"a?<1>1 ??[2J"]
    assert b"\n" not in sent


def test_a_message_is_no_longer_than_receivers_take() -> None:
    assert len(message(severity=5, at=0, host="", process=1, kind="", text="x" * 10_000)) == 8_192
