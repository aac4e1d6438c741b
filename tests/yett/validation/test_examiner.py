"""A schema of any hostility is refused or compiled in a second and 64 MB, in a process that can be ended."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.hostile_schemas import HOSTILE, deep, maze, of_object
from yett.core.document import encode
from yett.validation.examiner import TOO_MUCH, Examiner, is_plain
from yett.validation.problems import schema_problem
from yett.validation.process import TOO_MUCH_MEMORY

PROCESS = "import yett.validation.process as p; p.{} = {}; p.main()"
LARGE = {"inputSchema": maze(1)}


@pytest.fixture(scope="module")
def shared() -> Iterator[Examiner]:
    examiner = Examiner()
    examiner.problem_of(LARGE)  # the process has begun
    yield examiner
    examiner.close()


@pytest.fixture
def examiner() -> Iterator[Examiner]:
    examiner = Examiner(0.3)
    yield examiner
    examiner.close()


def process_of(examiner: Examiner) -> int:
    assert examiner._process is not None
    return examiner._process.pid


def peak_megabytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_or_compiled_within_a_second_and_64_megabytes(
    name: str, shared: Examiner
) -> None:
    definition = {"inputSchema": HOSTILE[name], "outputSchema": HOSTILE[name]}
    started = time.monotonic()
    problem = shared.problem_of(definition)

    assert time.monotonic() - started < 1
    assert peak_megabytes(process_of(shared)) <= 64
    assert problem != TOO_MUCH  # none of these needs the last resort


@pytest.mark.parametrize(
    "schema", [HOSTILE["doubling"], HOSTILE["file"], HOSTILE["maze"], deep(20)]
)
def test_apart_or_not_it_says_the_same(schema: dict[str, Any], shared: Examiner) -> None:
    assert shared.problem_of({"inputSchema": schema}) == schema_problem({"inputSchema": schema})


def test_what_is_small_and_simple_starts_no_process(examiner: Examiner) -> None:
    schema = of_object(
        properties={f"a{n}": {"type": "string", "pattern": "^x+$"} for n in range(9)}
    )
    assert is_plain({"inputSchema": schema})
    assert examiner.problem_of({"name": "x", "inputSchema": schema}) is None
    assert examiner._process is None


@pytest.mark.parametrize(
    "schema",
    [
        of_object(properties={"a": {"type": "string"}}),
        of_object(properties={"a": {"type": "nothing"}}),
        of_object(properties={"a": {"$ref": "file:///etc/passwd"}}),
    ],
    ids=["good", "no schema", "leads outside"],
)
def test_of_the_same_plain_schemas_it_says_the_same_and_of_no_others(
    schema: dict[str, Any], examiner: Examiner
) -> None:
    alone = schema_problem({"inputSchema": schema})
    said = [examiner.problem_of({"name": name, "inputSchema": schema}) for name in ("a", "b")]
    other = examiner.problem_of({"name": "a", "outputSchema": of_object(type="array")})

    assert said == [alone, alone]
    assert other == schema_problem({"outputSchema": of_object(type="array")})
    assert len(examiner._known) == 2


def test_what_takes_too_long_is_no_answer_and_the_next_one_gets_one(examiner: Examiner) -> None:
    examiner = Examiner(2.0)
    assert examiner.problem_of(LARGE) is None
    os.kill(process_of(examiner), signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        Examiner.problem_of(examiner, {"inputSchema": maze(2)})
    assert examiner.problem_of(LARGE) is None
    examiner.close()


def test_a_process_that_dies_of_a_schema_is_a_no(examiner: Examiner) -> None:
    examiner = Examiner()
    assert examiner.problem_of(LARGE) is None
    pid = process_of(examiner)
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
    assert examiner.problem_of(LARGE) == TOO_MUCH
    assert examiner.problem_of(LARGE) is None
    examiner.close()


def test_a_process_that_has_ended_for_want_of_work_is_begun_again() -> None:
    examiner = Examiner()
    assert examiner.problem_of(LARGE) is None
    assert examiner._process is not None
    examiner._process.send_signal(signal.SIGALRM)
    examiner._process.wait(5)
    assert examiner.problem_of(LARGE) is None
    examiner.close()


@pytest.mark.parametrize(
    ("limit", "value", "ends", "says"),
    [
        ("PROCESSOR_SECONDS_MAX", 0.002, -signal.SIGPROF, b""),
        ("MEMORY_BYTES_MAX", 1_000_000, 0, encode(TOO_MUCH_MEMORY) + b"\n"),
    ],
)
def test_the_process_has_little_time_and_memory(
    limit: str, value: float, ends: int, says: bytes
) -> None:
    program = [sys.executable, "-I", "-c", PROCESS.format(limit, value)]
    question = encode({"inputSchema": HOSTILE["wide"]}) + b"\n"
    done = subprocess.run(program, input=question, capture_output=True, timeout=20, check=False)

    assert (done.returncode, done.stdout) == (ends, says)
