"""A program that makes calls against a log in which things go wrong; tests/yett/audit/test_faults.py runs it.

    python -m tests.yett.audit.faulted FOLDER

Writes the number of each call into FOLDER/sent when nothing holds it back any more, and into FOLDER/answered
when its answer may leave: by `write`, so that both survive the death of the process.
"""

import asyncio
import os
import sys
from pathlib import Path

from tests.yett.audit.scene import (
    CLOCK,
    admit,
    auditor_over,
    call,
    cleaned,
    finish,
)
from yett.audit.backends.file import FileLog
from yett.core.errors import Fault

CALLS = 24
SEGMENT_BYTES = 6_000


async def work(folder: Path) -> None:
    log = FileLog(folder / "audit", clock=CLOCK, node="n", segment_bytes=SEGMENT_BYTES)
    auditor = auditor_over(log)
    sent, answered = (
        os.open(folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        for name in ("sent", "answered")
    )
    begun = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    for number in range(begun, begun + CALLS):
        request = call(id_=f"r{number}")
        record = auditor.begin(request)
        admitted = admit(record, request, "write" if number % 3 else "read")
        try:
            await record.intend(admitted)
        except Fault as refusal:
            await record.close(record.refuse(refusal))
            continue
        os.write(sent, b"r%d\n" % number)
        reply = await finish(record, cleaned(admitted))
        if reply.refusal is None:
            os.write(answered, b"r%d\n" % number)
    log.close()


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1])))
