"""What `yett import` is going to do, all of it worked out before anything is changed."""

import json
from collections.abc import Mapping
from typing import Any, Final, final

import msgspec

from yett.configuration.editing import add_entries
from yett.configuration.load import load_text
from yett.configuration.secret_finder import find_in_text
from yett.configuration.takeover.client_file import ClientFile
from yett.configuration.takeover.client_rewriting import ENTRY_NAME
from yett.configuration.takeover.entry import Taken, skeleton, take_over
from yett.configuration.takeover.server_secrets import CannotTakeOverError, normalised
from yett.configuration.takeover.variables import Surroundings
from yett.core.errors import CommandError, ConfigurationError
from yett.core.secret import Secret

_TELLING_CHARS_MIN: Final = 8
_SURELY_TELLING_CHARS_MIN: Final = 20


@final
class Step(msgspec.Struct, frozen=True):
    """One server of the client. status: `added`, `known` (is in yett.yaml already), `disabled` (in the
    client) or `refused` (then `notes` says why). original: what the client calls it."""

    original: str
    name: str
    status: str
    taken: Taken | None = None
    notes: tuple[str, ...] = ()


@final
class Plan(msgspec.Struct, frozen=True):
    steps: tuple[Step, ...]

    def entries(self) -> dict[str, dict[str, Any]]:
        return {taken.name: taken.entry for taken in self.taken()}

    def taken(self) -> tuple[Taken, ...]:
        return tuple(step.taken for step in self.steps if step.taken is not None)

    def secrets(self) -> dict[str, tuple[str, Secret]]:
        """Return name → (server, value)."""
        return {
            name: (taken.name, value)
            for taken in self.taken()
            for name, value in taken.secrets.items()
        }


def make_plan(
    file: ClientFile,
    *,
    configured: Mapping[str, dict[str, Any]],
    secret_names: frozenset[str],
    surroundings: Surroundings,
    own_url: str,
    mode: str,
) -> Plan:
    """Decide about each server.

    configured: the entries of yett.yaml as plain values. secret_names: of the vault. own_url: where
    Yett itself is; an entry for that is left out. mode: of the configuration.
    """
    steps: list[Step] = []
    names, taken_names = set(configured), set(secret_names)
    known = {skeleton(entry): name for name, entry in configured.items()}
    for servers in file.places.values():
        for original, section in servers.items():
            if original == ENTRY_NAME and own_url in json.dumps(section):
                continue
            step = _step(original, section, names, frozenset(taken_names), known, surroundings)
            step = _unless_repeated(_unless_wrong(step, mode), steps)
            steps.append(step)
            if step.taken is not None:
                names.add(step.name)
                taken_names.update(step.taken.secrets, step.taken.missing)
    return Plan(tuple(steps))


def check_no_secret_remains(plan: Plan, text: str, file: str) -> None:
    """Search what is about to be written for every value that was moved.

    Raises:
        CommandError: one of them stands in it, e.g. in a comment; says where.
    """
    for server, value in plan.secrets().values():
        secret = value.reveal_text()
        if not _is_telling(secret):
            continue
        for form in (secret, json.dumps(secret)[1:-1]):
            place = text.find(form)
            if place >= 0:
                line = text.count("\n", 0, place) + 1
                raise CommandError(
                    f"A secret of `{server}` also stands elsewhere, and would stay in line {line} of"
                    f" the new `{file}`. Remove it there first. Nothing was changed"
                )


def _is_telling(secret: str) -> bool:
    """Short or plain words (`postgres`) occur in their own right; they say nothing where they stand."""
    if len(secret) >= _SURELY_TELLING_CHARS_MIN:
        return True
    return len(secret) >= _TELLING_CHARS_MIN and not secret.isalpha()


def _step(
    original: str,
    section: dict[str, Any],
    names: set[str],
    taken_names: frozenset[str],
    known: Mapping[tuple[Any, ...], str],
    surroundings: Surroundings,
) -> Step:
    shown = "server" if find_in_text(original) else original
    if section.get("disabled") is True or section.get("enabled") is False:
        return Step(shown, normalised(shown), "disabled", notes=("it is disabled in the client",))
    name = _free(normalised(shown), names)
    try:
        taken = take_over(
            shown, section, name=name, surroundings=surroundings, taken_names=taken_names
        )
    except CannotTakeOverError as error:
        return Step(shown, name, "refused", notes=(str(error),))
    same = known.get(skeleton(taken.entry))
    if same is not None:
        kept = ", and what it refers to was left as it is" if taken.secrets else ""
        return Step(shown, same, "known", notes=(f"it is in yett.yaml already, as `{same}`{kept}",))
    return Step(shown, name, "added", taken, taken.notes)


def _unless_wrong(step: Step, mode: str) -> Step:
    """Refuse an entry that the configuration would not accept, in the words of its checks."""
    if step.taken is None:
        return step
    try:
        load_text(add_entries(f"mode: {mode}\n", "servers", {step.name: step.taken.entry}), "")
    except ConfigurationError as error:
        found = [p for p in error.problems if p.path[:2] == ("servers", step.name)]
        if found:
            notes = tuple(f"{problem.message}. {problem.fix}" for problem in found)
            return Step(step.original, step.name, "refused", notes=notes)
    return step


def _unless_repeated(step: Step, before: list[Step]) -> Step:
    """A client may have the same server in several places; with the same secrets it is one."""
    if step.taken is None:
        return step
    for other in before:
        if other.taken is not None and skeleton(other.taken.entry) == skeleton(step.taken.entry):
            values = list(other.taken.secrets.values())
            same_missing = len(other.taken.missing) == len(step.taken.missing)
            if values == list(step.taken.secrets.values()) and same_missing:
                note = f"it is the same as `{other.name}`"
                return Step(step.original, other.name, "known", notes=(note,))
    return step


def _free(wanted: str, names: set[str]) -> str:
    name, number = wanted, 1
    while name in names:
        number += 1
        name = f"{wanted}-{number}"
    return name
