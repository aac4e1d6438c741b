"""The conformance suite through a gate: what holds without it must hold with it, check by check.

    python -m tests.conformance.run [--only WORDS]

Legs in front: the suite plays the agent, the fixture is the server. Legs at the back: the suite is
the server, tests/conformance/agent.py the agent. What is lost on the way must be listed in
`expected-failures.yml`, with a reason. The list can only shrink: what is listed and holds fails
the run too.
"""

import argparse
import contextlib
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.conformance import agent, suite
from tests.conformance.stand import Stand, standing

LISTED: Final = Path(__file__).with_name("expected-failures.yml")
LEGACY: Final = "2025-11-25"
MODERN: Final = "2026-07-28"
_AT_ONCE: Final = 2


@dataclass(frozen=True)
class FrontLeg:
    """name: what is spoken in front, and what is behind. words: which scenarios."""

    name: str
    words: tuple[str, ...]

    @property
    def behind(self) -> str:
        return self.name.split("/")[1]


def _version(version: str) -> tuple[str, ...]:
    return ("--suite", "all", "--spec-version", version)


FRONT: Final = (
    FrontLeg("2025-03-26/both", _version("2025-03-26")),
    FrontLeg("2025-06-18/both", _version("2025-06-18")),
    FrontLeg(f"{LEGACY}/both", ("--requirements", LEGACY)),
    FrontLeg(f"{MODERN}/both", ("--requirements", MODERN)),
    FrontLeg("all/both", ("--suite", "all")),
    FrontLeg(f"{LEGACY}/stdio", _version(LEGACY)),
    FrontLeg(f"{MODERN}/stdio", ("--requirements", MODERN)),
    FrontLeg(f"{LEGACY}/modern", _version(LEGACY)),
    FrontLeg(f"{MODERN}/legacy", _version(MODERN)),
)
"""`--requirements` runs everything that its version has, and the extensions; the suite's own verdict is
about what the version requires. Between two eras without the extensions: tasks do not cross."""
LONG: Final = frozenset({"all/both", f"{MODERN}/stdio"})
"""Only `make conformance` goes these: half a minute each, and nearly all of it is in other legs as well."""
BACK: Final = {
    LEGACY: (
        "initialize",
        "tools_call",
        "elicitation-sep1034-client-defaults",
        "sse-retry",
        "json-schema-2020-12-preservation",
    ),
    MODERN: (
        "tools_call",
        "request-metadata",
        "sep-2322-client-request-state",
        "http-standard-headers",
        "http-custom-headers",
        "http-invalid-tool-headers",
        "json-schema-ref-no-deref",
        "json-schema-2020-12-preservation",
    ),
}
"""Without `auth/*`: towards a server the gate shows the secret that its operator configured."""


@dataclass(frozen=True)
class Verdict:
    """lost: what holds without the gate only. surprises: what is not as listed; none is good."""

    leg: str
    seconds: float
    wanted: int
    lost: dict[suite.Name, str]
    surprises: list[str]

    def table(self) -> str:
        held = self.wanted - len(self.lost)
        line = f"{self.leg:18} {held:4} of {self.wanted:4} checks  {self.seconds:5.1f} s"
        lost = [f"  - {scenario}: {check}: {said}" for (scenario, check), said in self.lost.items()]
        return "\n".join([line, *lost, *(f"  ! {surprise}" for surprise in self.surprises)])


def entries() -> list[dict[str, Any]]:
    """Read the list: of each entry `scenario`, `checks`, `legs`, `why`."""
    return list(yaml.safe_load(LISTED.read_text()))


def listed(leg: str) -> set[suite.Name]:
    """The checks that are expected to be lost in this leg."""
    return {
        (entry["scenario"], check)
        for entry in entries()
        for check in entry["checks"]
        if leg in entry["legs"]
    }


def judge(leg: str, reference: suite.Outcome, through: suite.Outcome, seconds: float) -> Verdict:
    lost = suite.missing(reference, through)
    expected = listed(leg)
    surprises = [
        f"lost and not listed: {' '.join(each)}" for each in sorted(lost.keys() - expected)
    ]
    surprises += [f"listed and not lost: {' '.join(each)}" for each in sorted(expected - lost.keys())]  # fmt: skip
    if through.code > reference.code and set(lost.values()) <= {suite.NOT_REACHED}:
        surprises.append(f"the suite says no: {through.printed[-500:]}")
    return Verdict(leg, seconds, len(reference.holds), lost, surprises)


class Front:
    """The legs in front. The stand for both eras is shared, and is the reference of all legs."""

    def __init__(self, both: Stand) -> None:
        self._both = both
        self._alone: dict[tuple[str, ...], suite.Outcome] = {}

    def run(self, leg: FrontLeg) -> Verdict:
        if leg.words not in self._alone:
            self._alone[leg.words] = suite.run("server", "--url", self._both.direct, *leg.words)
        started = time.monotonic()
        with self._stand(leg.behind) as stand:
            earlier = stand.mistakes()
            through = suite.run("server", "--url", stand.gated, *leg.words)
            mistakes = stand.mistakes()[len(earlier) :]
        verdict = judge(leg.name, self._alone[leg.words], through, time.monotonic() - started)
        verdict.surprises.extend(f"a mistake of the gate: {mistake}" for mistake in mistakes)
        return verdict

    @contextlib.contextmanager
    def _stand(self, behind: str) -> Iterator[Stand]:
        if behind == "both":
            yield self._both
            return
        with tempfile.TemporaryDirectory() as folder, standing(behind, Path(folder)) as stand:
            yield stand


@contextlib.contextmanager
def front() -> Iterator[Front]:
    with tempfile.TemporaryDirectory() as folder, standing("both", Path(folder)) as both:
        yield Front(both)


def back(version: str) -> Verdict:
    """Run the client scenarios of a version, with the agent alone and with a gate before it."""
    started = time.monotonic()
    reference = _clients(version, agent.play)
    through = _clients(version, agent.play_through_a_gate)
    return judge(f"{version}/back", reference, through, time.monotonic() - started)


def _clients(version: str, player: Callable[[agent.Task], None]) -> suite.Outcome:
    with agent.waiting(player) as command, ThreadPoolExecutor(_AT_ONCE) as pool:
        words = ("--spec-version", version, "--timeout", "60000", "--command", command)
        outcomes = pool.map(
            lambda scenario: suite.run("client", "--scenario", scenario, *words), BACK[version]
        )
        return suite.merged(outcomes)


def verdicts(only: str) -> Iterator[Verdict]:
    if any(only in leg.name for leg in FRONT):
        with front() as ours:
            for leg in FRONT:
                if only in leg.name:
                    yield ours.run(leg)
    for version in BACK:
        if only in f"{version}/back":
            yield back(version)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="legs with these words in their names")
    logging.disable(logging.WARNING)  # what the SDK thinks of the servers is not for the table
    surprised = False
    for verdict in verdicts(parser.parse_args().only):
        sys.stdout.write(verdict.table() + "\n")
        sys.stdout.flush()
        surprised = surprised or bool(verdict.surprises)
    return int(surprised)


if __name__ == "__main__":
    sys.exit(main())
