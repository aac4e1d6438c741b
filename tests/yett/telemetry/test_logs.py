"""The process's log: JSON, and no secret in it (CWE-532)."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from yett.telemetry.logs import configure

CANARY = "ghp_0123456789abcdefghijABCDEFGHIJ012345"


@pytest.fixture(name="stream")
def _stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions
    stream = io.StringIO()
    configure("info", lambda text: text.replace(CANARY, "[redacted]"), stream)
    yield stream
    root.handlers[:], level, logging.raiseExceptions = before
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_message_is_one_json_object(stream: io.StringIO) -> None:
    logging.getLogger("yett.x").warning("server %s is slow", "git", extra={"server": "git"})

    [line] = lines(stream)
    assert line["at"].startswith("20")
    assert (line["level"], line["logger"]) == ("warning", "yett.x")
    assert (line["message"], line["server"]) == ("server git is slow", "git")


def test_what_is_below_the_level_is_not_written(stream: io.StringIO) -> None:
    logging.getLogger("yett.x").debug("no")

    assert lines(stream) == []


def test_no_secret_passes_in_message_extra_or_traceback(stream: io.StringIO) -> None:
    try:
        raise ValueError(CANARY)
    except ValueError:
        logging.getLogger("yett.x").exception("failed: %s", CANARY, extra={"url": f"x?{CANARY}"})

    assert CANARY not in stream.getvalue()
    assert "ValueError" in lines(stream)[0]["traceback"]
    assert lines(stream)[0]["url"] == "x?[redacted]"


def test_the_members_of_an_object_stay_apart_and_hold_no_secret(stream: io.StringIO) -> None:
    details = {"percent": 80, "all": [1 << 64, None, f"sent {CANARY}"], CANARY: "\x1b"}
    logging.getLogger("yett.x").warning("alert", extra={"details": details})

    assert lines(stream)[0]["details"] == {
        "percent": 80,
        "all": [str(1 << 64), None, "sent [redacted]"],
        "[redacted]": "\\x1b",
    }


def test_no_terminal_obeys_the_log(stream: io.StringIO) -> None:
    logging.getLogger("yett.x").error("\x1b[2J\r\n\u202e\x9b {}")

    assert lines(stream)[0]["message"] == "\\x1b[2J\\r\\n\\u202e\\x9b {}"


def test_an_exception_that_is_not_there_is_no_traceback(stream: io.StringIO) -> None:
    logging.getLogger("yett.x").error("x", exc_info=(None, None, None))

    assert "traceback" not in lines(stream)[0]


def test_a_long_message_is_cut(stream: io.StringIO) -> None:
    logging.getLogger("yett.x").error("x" * 100_000)

    assert len(lines(stream)[0]["message"]) == 8_000
