"""Who has a place and who gives it up: connections are few, and whoever connects has one for nothing.

A place is safe while a call is served on it, and nearly so once a good credential came on it. All
others are of strangers, and of those whoever holds most gives up first (CWE-770, CWE-400).
"""

import resource
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from operator import attrgetter
from typing import Final, Protocol

from yett.core import bounds

FILES_KEPT: Final = 256
"""Open files for all else: servers, logs, stores, the admin side."""
_FILES_WANTED: Final = 65_536
_STRANGERS_SHARE: Final = 8
_STRANGER_SECONDS: Final = 1.0


class Held(Protocol):
    """A connection, or one that is not ready for requests yet.

    deadline, since: monotonic times by which it must have moved, and at which it came. known: a good
    credential came on it.
    """

    deadline: float
    since: float
    known: bool

    @property
    def peer(self) -> str: ...

    @property
    def arrived_bytes(self) -> int:
        """Of a body that is still on its way."""
        ...

    def is_idle(self) -> bool:
        """Whether no request is being served on it."""
        ...

    def is_unread(self) -> bool:
        """Whether the agent reads more slowly than is written to it."""
        ...

    def expire(self) -> None:
        """End it at once."""
        ...

    def drain(self) -> None:
        """Close as soon as nothing is being served."""
        ...


def raise_file_limit() -> int:
    """Let this process open as many files as the system allows it; return how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_WANTED if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # some systems promise more than they give
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _FILES_WANTED if soft == resource.RLIM_INFINITY else soft


def places_for(files: int) -> int:
    """Return how many connections there may be where so many files may be open."""
    return min(bounds.CONNECTIONS_MAX, max(files - FILES_KEPT, files // 4))


def first_to_go(held: Collection[Held]) -> list[Held]:
    """Order those that may be cut for a newcomer: strangers first, of these the peer that has most of
    them first, then those that would have run out first."""
    counts = Counter((item.known, item.peer) for item in held)
    found = [item for item in held if item.is_idle() or (not item.known and item.is_unread())]
    found.sort(key=lambda item: (item.known, -counts[item.known, item.peer], item.deadline))
    return found


def too_many_of_one(held: Collection[Held], places: int, now: float) -> list[Held]:
    """Return what strangers of one address hold beyond their share, the oldest. What came just now
    stays for a moment: its credential is on its way."""
    share = max(1, places // _STRANGERS_SHARE)
    if len(held) <= share:
        return []
    counts = Counter(item.peer for item in held if not item.known)
    excess = {peer: count - share for peer, count in counts.items() if count > share}
    found = []
    for item in sorted((item for item in held if item.peer in excess), key=attrgetter("since")):
        if item.since > now - _STRANGER_SECONDS:
            break
        if not item.known and item.is_idle() and excess[item.peer] > 0:
            excess[item.peer] -= 1
            found.append(item)
    return found
