"""What is said to Valkey, and what it says: demands and claims as words of the scripts beside. Pure."""

import math
from collections.abc import Sequence
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final, Literal, final

import msgspec

from yett.limits.backends.resp import ProtocolError, command, words_of
from yett.limits.demand import Answer, Claim, Demand, RateDemand, Refused
from yett.limits.port import Room

PLACE_RETRY_SECONDS: Final = 1.0
EPOCH_KEY: Final = "{yett}:epoch"
# One tag for all: a call counts for its tenant and for everybody together, and at once.
_ASKED_KEY: Final = "{yett}:%s:asked"
_KEY: Final = "{yett}:%s:%s:%s"
_MICROSECONDS: Final = 1_000_000
_KINDS: Final = {"calls": "c", "input": "i", "output": "o"}

Script = Literal["ask", "end", "observe", "renew"]
SCRIPTS: Final[tuple[Script, ...]] = ("ask", "end", "observe", "renew")


@cache
def source_of(script: Script) -> bytes:
    return (files("yett.limits") / "backends" / "scripts" / f"{script}.lua").read_bytes()


@cache
def digest_of(script: Script) -> str:
    """Return the name that the store knows a script by; it is no proof of anything."""
    return sha1(source_of(script), usedforsecurity=False).hexdigest()


@final
class Epoch(msgspec.Struct, frozen=True):
    """A time during which the store has lost nothing. born: microseconds since 1970 of the store's clock
    at which every rate began as used up, for nobody knew how much of it was; 0: the first of all."""

    name: str
    born: int

    def text(self) -> str:
        return f"{self.name}:{self.born}"

    @classmethod
    def parse(cls, text: str) -> "Epoch | None":
        name, _, born = text.partition(":")
        return cls(name, int(born)) if name and born.isdecimal() else None


@final
class Form(msgspec.Struct, frozen=True):
    """A demand in words. ask_head, ask_tail: all but what differs from call to call. rooms: of each rate,
    microseconds; units: microseconds for one use, or one byte."""

    demand: Demand
    epoch: Epoch
    ask_head: bytes
    ask_tail: bytes
    breaker: str
    rate_keys: tuple[str, ...]
    place_keys: tuple[str, ...]
    units: tuple[float, ...]
    rooms: tuple[int, ...]


@final
class Told(msgspec.Struct, frozen=True):
    """An answer as it came. overrun: numbers of the rates that were not counted. asked: how often this
    gate did, 0 if it was refused."""

    answer: Answer
    overrun: frozenset[int] = frozenset()
    asked: int = 0


def form_of(demand: Demand, epoch: Epoch, gate: str, lease_seconds: int) -> Form:
    name = epoch.name
    breaker = _KEY % (name, "b", demand.caller)
    keys_of_rates = rate_keys(epoch, demand.rates)
    place_keys = tuple(_KEY % (name, "p", place.key) for place in demand.places)
    units, rooms = _quantities(demand.rates)
    keys = (EPOCH_KEY, _ASKED_KEY % name, breaker, *keys_of_rates, *place_keys)
    said: list[str | int] = [epoch.text(), epoch.born, gate, len(keys_of_rates)]
    for rate, unit, room in zip(demand.rates, units, rooms, strict=True):
        said += [repr(unit), room, _KINDS[rate.unit], int(rate.observed)]
    for place in demand.places:
        said += [place.most, int(place.observed)]
    words = ("EVALSHA", digest_of("ask"), len(keys), *keys, *said)
    head = b"*%d\r\n" % (len(words) + 6) + words_of(words)
    tail = words_of((0, lease_seconds))
    return Form(demand, epoch, head, tail, breaker, keys_of_rates, place_keys, units, rooms)


def asking(form: Form, claim: Claim) -> bytes:
    identifier, size = claim.id.encode(), b"%d" % claim.input_bytes
    return b"%b$%d\r\n%b\r\n$%d\r\n%b\r\n$1\r\n%d\r\n$1\r\n%d\r\n%b" % (
        form.ask_head, len(identifier), identifier, len(size), size, claim.counted,
        claim.reaches_upstream, form.ask_tail,
    )  # fmt: skip


def looking(form: Form) -> bytes:
    return form.ask_head + words_of(("-", 0, 1, 1, 1, 1))


def ending(form: Form, claim_id: str, probe: str, changes: Sequence[tuple[int, int]]) -> bytes:
    """probe: as the script says. changes: number of a rate, microseconds to add."""
    said: list[str | int] = [
        form.epoch.text(),
        form.epoch.born,
        claim_id,
        len(form.place_keys),
        probe,
    ]
    said.append(repr(form.demand.breaker.cooldown_seconds))
    keys = [EPOCH_KEY, form.breaker, *form.place_keys]
    for index, add in changes:
        keys.append(form.rate_keys[index])
        said += [add, form.rooms[index]]
    return command("EVALSHA", digest_of("end"), len(keys), *keys, *said)


def observing(form: Form, claim_id: str, *, succeeded: bool | None) -> bytes:
    breaker = form.demand.breaker
    verdict = "-" if succeeded is None else int(succeeded)
    return command(
        "EVALSHA", digest_of("observe"), 2, EPOCH_KEY, form.breaker, form.epoch.text(), claim_id, verdict,
        breaker.failures_max, repr(breaker.cooldown_seconds), repr(breaker.cooldown_max_seconds),
    )  # fmt: skip


def renewing(epoch: Epoch, held: Sequence[tuple[str, str]], lease_seconds: int) -> bytes:
    """held: places, each with the id of a call."""
    return command(
        "EVALSHA", digest_of("renew"), 1 + len(held), EPOCH_KEY, *(key for key, _ in held),
        epoch.text(), lease_seconds, *(claim_id for _, claim_id in held),
    )  # fmt: skip


def breaker_key(epoch: Epoch, caller: str) -> str:
    return _KEY % (epoch.name, "b", caller)


def asked_key(epoch: Epoch) -> str:
    return _ASKED_KEY % epoch.name


def rate_keys(epoch: Epoch, rates: Sequence[RateDemand]) -> tuple[str, ...]:
    return tuple(_KEY % (epoch.name, "r", rate.key) for rate in rates)


def rooms_of(rates: Sequence[RateDemand], epoch: Epoch, found: Any, time: Any) -> list[Room]:
    """Read what is left of rates. found: what stands at their keys. time: as TIME says it.

    Raises:
        ProtocolError: it is none of this.
    """
    units, sizes = _quantities(rates)
    rooms = []
    try:
        seconds, micros = time
        now = int(seconds) * _MICROSECONDS + int(micros)
        for unit, size, text in zip(units, sizes, found, strict=True):
            debt = epoch.born + size if epoch.born else 0
            used = max(0, (debt if text is None else int(text)) - now)
            rooms.append(Room(max(0, int((size - used) / unit)), used / _MICROSECONDS))
    except (TypeError, ValueError) as error:
        raise ProtocolError("the store answered something else") from error
    return rooms


def used_by(form: Form, index: int, claim: Claim) -> int:
    """Return what a rate was charged when the claim was admitted, microseconds."""
    match form.demand.rates[index].unit:
        case "calls":
            return int(form.units[index])
        case "input":
            return math.ceil(claim.input_bytes * form.units[index])
        case "output":
            return 0


def told(form: Form, reply: object) -> Told:
    """Read an answer.

    Raises:
        ProtocolError: it is none.
    """
    if not isinstance(reply, bytes):
        raise ProtocolError("the script answered something else")
    words = reply.decode().split(" ")
    try:
        if words[0] == "R":
            return Told(Answer(refused=_refused(form, words)))
        return _admitted(form, words)
    except (ValueError, IndexError, KeyError) as error:
        raise ProtocolError("the script answered something else") from error


def _admitted(form: Form, words: list[str]) -> Told:
    _, failures, probe, asked, *rest = words
    overruns: list[str] = []
    if "o" in rest:
        at = rest.index("o")
        overruns, rest = rest[at + 1 :], rest[:at]
    numbers = [int(word) for word in rest]
    over = frozenset(int(word[1:]) - 1 for word in overruns if word[0] == "r")
    demand = form.demand
    texts = [demand.rates[index].text for index in sorted(over)]
    texts += [demand.places[int(word[1:]) - 1].text for word in overruns if word[0] == "p"]
    answer = Answer(
        is_probe=probe == "1",
        failures=int(failures),
        left=tuple(zip(numbers[::2], numbers[1::2], strict=True)),
        overruns=tuple(texts),
    )
    return Told(answer, over, int(asked))


def _refused(form: Form, words: list[str]) -> Refused:
    number, wait = int(words[2]), int(words[3])
    seconds = None if wait < 0 else wait / _MICROSECONDS
    match words[1]:
        case "b":
            return Refused(
                "breaker", f"{number} failures in a row opened the caller's breaker", seconds
            )
        case "p":
            return Refused("place", form.demand.places[number - 1].text, PLACE_RETRY_SECONDS)
        case "r":
            return Refused("rate", form.demand.rates[number - 1].text, seconds)
        case other:
            raise ValueError(other)


def _quantities(rates: Sequence[RateDemand]) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """A use takes whole microseconds, rounded up; and as many as may come at once fit exactly."""
    units, rooms = [], []
    for demand in rates:
        rate = demand.rate
        exact = rate.period_seconds * _MICROSECONDS / rate.count
        unit = float(math.ceil(exact)) if demand.unit == "calls" else exact
        units.append(unit)
        rooms.append(int(unit * rate.at_once))
    return tuple(units), tuple(rooms)
