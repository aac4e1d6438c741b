"""The process in which a schema is compiled for the first time: `python -I -m yett.validation.process`.

Reads one definition a line, as JSON, and answers each with a line: why it cannot be used, or null. What
takes more processor time than is given ends the process, in the middle of compiled code too; more memory
than is given is not to be had. Whoever started it reads that as a no (`examiner.py`).
"""

import resource
import signal
import sys
from pathlib import Path
from typing import Final

from yett.core.document import encode, parse
from yett.validation.problems import schema_problem

PROCESSOR_SECONDS_MAX: Final = 0.3
"""Of one definition. An honest one takes a hundredth of it."""
MEMORY_BYTES_MAX: Final = 28 * 1024 * 1024
"""Beyond what the process has when it begins, which is about 32 MB."""
IDLE_SECONDS_MAX: Final = 10
TOO_MUCH_MEMORY: Final = "its schema takes more memory to judge than is given"


def main() -> None:
    """Judge what comes in until nothing comes for a while, or whoever started this is gone."""
    _give_up_all_but_what_is_needed()
    while True:
        signal.alarm(IDLE_SECONDS_MAX)  # ends the process, as does the timer below
        line = sys.stdin.buffer.readline()
        signal.alarm(0)
        if not line:
            return
        signal.setitimer(signal.ITIMER_PROF, PROCESSOR_SECONDS_MAX)
        try:
            problem = schema_problem(parse(line, trusted=True))
        except MemoryError:
            problem = TOO_MUCH_MEMORY
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.buffer.write(encode(problem) + b"\n")
        sys.stdout.buffer.flush()


def _give_up_all_but_what_is_needed() -> None:
    now = int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()
    for what, most in (
        (resource.RLIMIT_AS, now + MEMORY_BYTES_MAX),
        (resource.RLIMIT_NOFILE, 3),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main()
