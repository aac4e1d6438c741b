"""Judges what servers offer beside the loop: in one thread, each definition once, and not for long.

A server can offer definitions that take minutes to judge, and new ones each time it is asked. That
must not take the threads in which revocations are read, and no more than a share of the processor.
What cannot be judged at the moment cannot be used, and is judged again at the next look.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, final

from yett.catalogue.definitions import Sight, digest_of, examine
from yett.catalogue.diff import TextFindings, no_findings
from yett.catalogue.hurrying import Hurried
from yett.catalogue.lock import ServerPins
from yett.catalogue.pinning import recognise
from yett.catalogue.port import Definitions, SchemaCheck
from yett.core.bounds import TOOLS_PER_SERVER_MAX
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.target import JSON

JUDGING_SECONDS_MAX: Final = 10.0
"""Of one look at one server. What was judged until then is known at the next look."""
NOT_NOW: Final = "its schemas could not be judged now; they will be again"
_NO_PINS: Final = ServerPins()


@final
class Judge:
    def __init__(
        self,
        schema_check: SchemaCheck,
        monotonic: Callable[[], float],
        text_findings: TextFindings = no_findings,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        self._schema_check = schema_check
        self._text_findings = text_findings
        self._monotonic = monotonic
        self._worked = worked
        self._known: dict[str, dict[str, str | None]] = {}
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="yett-definitions")
        self._stopped = False

    async def examine(
        self, server: str, definitions: Definitions, pins: ServerPins = _NO_PINS
    ) -> Sight:
        """As `definitions.examine`, and hold it against what is pinned (`pinning.recognise`).

        Raises:
            Fault: also UPSTREAM_TIMEOUT, if it takes too long.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._examine, server, definitions, pins)

    def begin(self) -> None:
        """Be of use again after `stop`."""
        if self._stopped:
            self._threads = ThreadPoolExecutor(1, thread_name_prefix="yett-definitions")
            self._stopped = False

    def stop(self) -> None:
        """End what is under way soon, and begin nothing more."""
        self._stopped = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _examine(self, server: str, definitions: Definitions, pins: ServerPins) -> Sight:
        deadline = self._monotonic() + JUDGING_SECONDS_MAX
        known = self._known.get(server, {})
        judged: dict[str, str | None] = {}

        def check(definition: dict[str, JSON]) -> str | None:
            digest = digest_of(server, definition)
            if digest not in known:
                if self._stopped or self._monotonic() > deadline:
                    late = f"what server `{server}` offers takes too long to judge"
                    raise Fault(Reason.UPSTREAM_TIMEOUT, late)
                try:
                    known[digest] = self._schema_check(definition)
                except OSError:
                    return NOT_NOW
            judged[digest] = known[digest]
            return known[digest]

        try:
            sight = examine(server, definitions, check)
        except Fault:
            # Go on from here the next time, unless it only ever shows something new.
            self._known[server] = known if len(known) <= 2 * TOOLS_PER_SERVER_MAX else {}
            raise
        self._known[server] = judged
        return recognise(sight, pins, Hurried(self._text_findings, self._worked))
