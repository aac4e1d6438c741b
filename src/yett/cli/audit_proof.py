"""`yett audit verify|prove|checkpoint|key`: show that the record is what was written, to whoever doubts it."""

import base64
import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import click
import msgspec
import orjson

from yett.audit.build import (
    open_checkpointer,
    open_places,
    open_tree,
    open_witnesses,
)
from yett.audit.chain import escape_hidden
from yett.audit.private import open_digest
from yett.audit.proof.anchors import Trust, anchors_of, ask_witness, checkpoints_at, demand_no_key
from yett.audit.proof.checkpointer import ProofFailed
from yett.audit.proof.inclusion import NotProved, inclusion_proof, lines_of
from yett.audit.proof.keys import KEYS_NAME, SigningKeys, open_keys
from yett.audit.proof.note import Checkpoint, NoteError, VerifierKey, parse_key
from yett.audit.verify import Verdict, verify
from yett.audit.walking import Anchor, Damage
from yett.cli.audit_source import config_of, source_of
from yett.cli.command import Place, command
from yett.cli.place import shown
from yett.core.errors import CommandError
from yett.storage.outbox import post

if TYPE_CHECKING:
    from collections.abc import Callable

_LONG_BYTES: Final = 32 * 1024 * 1024
_KEY_OPTION: Final = click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY",
    help="A public key that `yett audit key` printed; checkpoints count only if one of these signed.",
)


@click.command("verify")
@command()
@click.option(
    "--checkpoint",
    "copies",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Checkpoints that were kept elsewhere: a file, or a directory of them.",
)
@_KEY_OPTION
def verify_log(place: Place, *, copies: tuple[Path, ...], keys: tuple[str, ...]) -> None:
    """Walk the whole chain and compare it with every checkpoint; exit 1 and say where if it breaks."""
    source = source_of(place)
    anchors, damage = _anchors(place, copies, keys)
    total = sum(source.size(name) for name in source.segments())
    workers = os.cpu_count() or 1
    if total > _LONG_BYTES and not place.as_json:
        with click.progressbar(length=total, label="verifying", file=sys.stderr) as bar:
            verdict = verify(source, bar.update, anchors=anchors, workers=workers)
    else:
        verdict = verify(source, anchors=anchors, workers=workers)
    if damage is not None and verdict.damage is None:
        verdict = msgspec.structs.replace(verdict, damage=damage)
    if place.as_json:
        _echo({"ok": verdict.damage is None, **msgspec.to_builtins(verdict)})
    else:
        click.echo(escape_hidden(_verdict_words(verdict)))
    if verdict.damage is not None:
        raise click.exceptions.Exit(1)


def _anchors(
    place: Place, copies: tuple[Path, ...], keys: tuple[str, ...]
) -> tuple[list[Anchor], Damage | None]:
    """Read what the log was signed to be, wherever that is kept; and whether it can be that."""
    config = config_of(place)
    places = open_places(config, place.data, place.clock)
    trusted = _trust(place, keys)
    if trusted is None:
        if copies:
            raise CommandError(
                f"there is no `{place.data / KEYS_NAME}` to check the checkpoints with. Name the key with --key"
            )
        demand_no_key(places)
        return [], None
    anchors, damage = anchors_of(places, copies, trusted)
    for witness in open_witnesses(config):
        newest = checkpoints_at(places[0], trusted)
        if not newest:
            raise CommandError(
                f"{witness.name} cannot be asked: there is no checkpoint beside the log. `yett audit checkpoint` makes one and asks"
            )
        damage = ask_witness(witness, newest[-1]) or damage
    return anchors, damage


def _trust(place: Place, keys: tuple[str, ...]) -> Trust | None:
    """Whose signatures count: the keys that were named, else those of the data directory."""
    if keys:
        return Trust([_parsed(key) for key in keys])
    if not (place.data / KEYS_NAME).exists():
        return None
    return Trust(SigningKeys(place.data / KEYS_NAME).verifiers())


def _parsed(text: str) -> VerifierKey:
    try:
        return parse_key(text)
    except NoteError as error:
        raise CommandError(str(error)) from error


@click.command("prove")
@command()
@click.argument("record", required=False)
@click.option(
    "--consistency",
    nargs=2,
    type=click.IntRange(1),
    metavar="OLD NEW",
    help="Prove instead that the log of OLD lines is a beginning of that of NEW.",
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A new file.")
def prove(
    place: Place, record: str | None, *, consistency: tuple[int, int] | None, output: Path | None
) -> None:
    """Prove that RECORD (an id, or the sequence of a line) is in the log that was signed."""
    if (record is None) == (consistency is None):
        raise CommandError("name one record, or --consistency OLD NEW")
    text = _consistency(place, *consistency) if consistency else _inclusion(place, record or "")
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise CommandError(f"`{output}` exists already. Choose another --output") from error
    place.say(f"written to {output}")


def _signed(place: Place) -> list[Checkpoint]:
    """Return the checkpoints beside the log, smallest first."""
    trusted = _trust(place, ())
    if trusted is None:
        raise CommandError("the log was never signed. `yett audit checkpoint` does so")
    return checkpoints_at(open_places(config_of(place), place.data, place.clock)[0], trusted)


def _inclusion(place: Place, record: str) -> str:
    source, tree = source_of(place), open_tree(config_of(place), place.data)
    checkpoints = _signed(place)
    try:
        proofs = [inclusion_proof(line, tree, checkpoints) for line in lines_of(source, record)]
    except NotProved as error:
        raise CommandError(str(error)) from error
    if not proofs:
        raise CommandError(f"there is no record `{record}`. `yett audit search` lists them")
    if place.as_json:
        return "".join(orjson.dumps({"proof": proof}).decode() + "\n" for proof in proofs)
    return "".join(proofs)


def _consistency(place: Place, old: int, new: int) -> str:
    source_of(place)
    tree = open_tree(config_of(place), place.data)
    try:
        found = {
            "old": {"size": old, "root": _base64(tree.root(old))},
            "new": {"size": new, "root": _base64(tree.root(new))},
            "proof": [_base64(node) for node in tree.consistency(old, new)],
        }
    except ValueError as error:
        raise CommandError(str(error)) from error
    return (
        orjson.dumps(found, option=orjson.OPT_INDENT_2 if not place.as_json else 0).decode() + "\n"
    )


@click.command("checkpoint")
@command()
def checkpoint(place: Place) -> None:
    """Sign the log as it is now, and have that kept wherever the configuration says."""
    source_of(place)
    try:
        made, failures = open_checkpointer(config_of(place), place.data, place.clock).make()
    except ProofFailed as error:
        raise CommandError(str(error)) from error
    if place.as_json:
        _echo({"size": None if made is None else made.size, "note": made and made.note, "failures": failures})  # fmt: skip
    elif made is not None:
        click.echo(made.note, nl=False)
    if failures:
        raise CommandError("; ".join(f"{where}: {why}" for where, why in failures.items()))


@click.command("key")
@command()
@click.option("--rotate", is_flag=True, help="Sign with a new key; the old one signs along.")
@click.option("--retire", is_flag=True, help="Forget the old key: only the newest signs.")
def key(place: Place, *, rotate: bool, retire: bool) -> None:
    """Print the public keys that checkpoints are signed with, newest first. Keep them where the log is not."""
    if rotate and retire:
        raise CommandError("do one after the other: first --rotate, and --retire once it is known")
    place.make_data()
    keys = open_keys(place.data, place.clock.wall())
    if rotate or retire:
        change: Callable[[], object] = keys.retire
        if rotate:
            change = lambda: keys.rotate(place.clock.wall())  # noqa: E731 - one of two ways
        _change(place, change, "checkpoint.key_rotated" if rotate else "checkpoint.key_retired")
        keys = SigningKeys(place.data / KEYS_NAME)
    for number, verifier in enumerate(keys.verifiers()):
        signs = number < keys.in_use()
        if place.as_json:
            _echo({"key": str(verifier), "signs": signs})
        else:
            click.echo(f"{verifier}{'' if signs else '  (retired)'}")


@click.command("digest")
@command()
@click.argument("file", type=click.File("rb"))
def digest(place: Place, file: IO[bytes]) -> None:
    """Print the digest that FILE (`-`: standard input) has in records, to look for it with --text."""
    content = file.read()
    click.echo(open_digest(place.data)(content.removesuffix(b"\n")))


def _change(place: Place, change: "Callable[[], object]", event: str) -> None:
    """Change the keys, and record that."""
    database = place.database()
    now = place.clock.wall()
    with database.transaction() as transaction:
        change()
        newest = SigningKeys(place.data / KEYS_NAME).verifiers()[0]
        post(transaction, {"event": event, "actor": place.actor, "key": str(newest)}, now)


def _verdict_words(verdict: Verdict) -> str:
    damage = verdict.damage
    if damage is None:
        note = (
            ""
            if verdict.head is not None
            else "\nnote: `head` is missing; a cut tail would not show"
        )
        signed = "no checkpoint to compare with"
        if verdict.checkpoints:
            agree = "checkpoint agrees" if verdict.checkpoints == 1 else "checkpoints agree"
            signed = f"{verdict.checkpoints} {agree}, the newest up to {verdict.anchored}"
        return (
            f"ok {verdict.records} records ({verdict.lines} lines, {verdict.first} to {verdict.last}, "
            f"in {verdict.segments} segments), chain {verdict.chain}, {signed}{_gone(verdict)}{note}"
        )
    where = f"{damage.segment}:{damage.line}: " if damage.segment else ""
    return (
        f"broken: {where}record {damage.sequence}: {damage.kind}: {damage.text}\n"
        f"{verdict.records} records before it are whole"
    )


def _gone(verdict: Verdict) -> str:
    """Say what was deleted, when and by whom; of many times only the last."""
    if not verdict.pruned:
        return ""
    last = verdict.pruned[-1]
    times = f"{len(verdict.pruned)} times, " if len(verdict.pruned) > 1 else ""
    return (
        f"\ndeleted: {times}last on {shown(last.at)} by {shown(last.by)}, up to record {last.through}; "
        "their leaf hashes are kept"
    )


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _echo(value: object) -> None:
    click.echo(escape_hidden(orjson.dumps(value).decode()))
