"""Judges whether the schemas of a tool can be used, in a process of its own unless that is sure to be quick.

A server can write a schema that nobody foresaw. What it costs is borne by a process with little memory
and little time (`process.py`), which can be ended; a thread could not (CWE-400).
"""

import os
import select
import subprocess
import sys
import threading
import time
from hashlib import sha256
from typing import Final, final

from yett.core.document import encode, parse
from yett.core.target import JSON
from yett.validation.effort import check_size
from yett.validation.patterns import places
from yett.validation.problems import schema_problem
from yett.validation.references import SchemaRefused

SECONDS_MAX: Final = 5.0
"""By the clock, for a machine that has other things to do; the processor time is bounded by the process."""
TOO_MUCH: Final = "its schema takes more time or memory to judge than is given"

_PROGRAM: Final = (sys.executable, "-I", "-m", "yett.validation.process")
_SCHEMAS: Final = ("inputSchema", "outputSchema")
_PLAIN_PARTS_MAX: Final = 300
_PLAIN_PLACES_MAX: Final = 200
_PLAIN_PATTERN_CHARS_MAX: Final = 500
_ATTEMPTS: Final = 2
_KNOWN_MAX: Final = 4_096


@final
class Examiner:
    """Any thread may use it; one definition is judged at a time. The process begins when it is first
    needed, and ends by itself when it no longer is. seconds: to wait for one answer. What was said of plain
    schemas is said of the same in another tool or server: many are written alike."""

    def __init__(self, seconds: float = SECONDS_MAX) -> None:
        self._seconds = seconds
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._known: dict[bytes, str | None] = {}

    def problem_of(self, definition: dict[str, JSON]) -> str | None:
        """Return why a tool's schemas cannot be used, or None. For before a tool is approved.

        Raises:
            OSError: it could not be found out now; another time may be better.
        """
        asked: dict[str, JSON] = {n: definition[n] for n in _SCHEMAS if n in definition}
        if is_plain(asked):
            return self._problem_of_plain(asked)
        try:
            _check_sizes(asked)
        except SchemaRefused as refused:
            return refused.problem
        with self._turn:
            return self._ask(encode(asked) + b"\n")

    def _problem_of_plain(self, asked: dict[str, JSON]) -> str | None:
        if len(self._known) >= _KNOWN_MAX:
            self._known = {}
        known = self._known  # another thread may just take a new one
        name = sha256(encode(asked)).digest()
        if name not in known:
            try:
                _check_sizes(asked)
                known[name] = schema_problem(asked)
            except SchemaRefused as refused:
                known[name] = refused.problem
        return known[name]

    def close(self) -> None:
        """End the process, if there is one."""
        with self._turn:
            self._end()

    def _ask(self, question: bytes) -> str | None:
        for _ in range(_ATTEMPTS):
            process = self._process or self._begin()
            try:
                answer = _converse(process, question, self._seconds)
            except (
                BrokenPipeError
            ):  # it had nothing to do for a while, and was gone before it heard this
                self._end()
                continue
            except TimeoutError:
                self._end()
                raise
            if answer:
                problem: str | None = parse(answer)
                return problem
            self._end()
            return TOO_MUCH
        raise TimeoutError("the process that judges schemas does not start")

    def _begin(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            _PROGRAM,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            bufsize=0,
            start_new_session=True,
        )
        self._process = process
        return process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


def _check_sizes(schemas: dict[str, JSON]) -> None:
    """Raises:
    SchemaRefused: one is too large to be looked at.
    """
    for schema in schemas.values():
        check_size(schema)


def is_plain(schemas: dict[str, JSON]) -> bool:
    """Tell whether it is so small, and its patterns so simple, that judging it cannot take long."""
    waiting: list[JSON] = [schemas]
    parts = found = chars = 0
    while waiting:
        item = waiting.pop()
        parts += 1
        if isinstance(item, dict):
            patterns = [item["pattern"]] if isinstance(item.get("pattern"), str) else []
            named = item.get("patternProperties")
            patterns += named if isinstance(named, dict) else ()
            chars += sum(map(len, patterns))
            if chars > _PLAIN_PATTERN_CHARS_MAX:
                return False
            found += sum(map(places, patterns))
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
        if parts + len(waiting) > _PLAIN_PARTS_MAX or found > _PLAIN_PLACES_MAX:
            return False
    return True


def _converse(process: subprocess.Popen[bytes], question: bytes, seconds: float) -> bytes:
    """Return the answer, or nothing if the process ended while it judged.

    Raises:
        BrokenPipeError: the process had ended before.
        TimeoutError: there was no answer in time.
    """
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - both are pipes
    sent = 0
    while sent < len(question):
        sent += process.stdin.write(question[sent:])
    deadline = time.monotonic() + seconds
    answer = b""
    while not answer.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            raise TimeoutError("the schema was not judged in time")
        part = os.read(process.stdout.fileno(), 65_536)
        if not part:
            return b""
        answer += part
    return answer
