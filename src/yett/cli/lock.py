"""`yett lock …`: who has signed what is approved."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from yett.cli.command import Place, command
from yett.core.errors import CommandError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

group: Final = click.Group("lock", help="Sign yett.lock, and see who has.")

_PRIVATE: Final = 0o600
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@group.command("key")
@command()
@click.argument("file", type=_FILE)
def make_key(place: Place, file: Path) -> None:
    """Make a key that signs locks: the private half in FILE, the public one in FILE.pub."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    content = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
    except FileExistsError:
        raise CommandError(f"`{file}` is there already. Name another file") from None
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
    line = _line_of(key)
    file.with_name(file.name + ".pub").write_text(f"{line}\n")
    place.print_record({"key": str(file), "signed_by": line})
    place.say(
        "Add the line to `lock.signed_by` in yett.yaml, and keep the key where the gate is not."
    )


@group.command("sign")
@command()
@click.option(
    "--key", "file", type=_FILE, required=True, help="Private Ed25519 key: OpenSSH or PEM."
)
def sign_lock(place: Place, file: Path) -> None:
    """Sign yett.lock as it is now. `ssh-keygen -Y sign -n yett.lock -f FILE yett.lock` does the same."""
    from yett.catalogue.build import open_lock
    from yett.catalogue.signing import show_signer, sign
    from yett.storage.files import write_whole

    open_lock(place.folder).read()  # what is damaged is not signed
    lock, signature = _files(place)
    key = _private_key(file)
    try:
        content = lock.read_bytes()
    except FileNotFoundError:
        raise CommandError(f"There is no `{lock}` to sign. Approve something first") from None
    write_whole(signature, sign(content, key).encode(), mode=0o644)
    line = _line_of(key)
    place.print_record({"signed": str(lock), "signature": str(signature), "signed_by": line})
    if line not in {show_signer(known) for known in _signers(place)}:
        place.say("`lock.signed_by` in yett.yaml does not name this key yet; add the line above.")


@group.command("verify")
@command()
def verify(place: Place) -> None:
    """Say whether yett.lock is whole, and who signed it; exit with 1 if it is not as it should be."""
    from yett.catalogue.build import open_lock
    from yett.catalogue.signing import show_signer, signer_of

    read = open_lock(place.folder).read()
    lock, signature = _files(place)
    content = lock.read_bytes() if lock.exists() else b""
    signer = signer_of(content, signature.read_bytes()) if signature.exists() else None
    known = _signers(place)
    is_good = signer in known if known else signature.exists() <= (signer is not None)
    pins = sum(
        len(one)
        for server in read.servers.values()
        for one in (server.tools, server.prompts, server.resources, server.resource_templates)
    )
    place.print_record(
        {
            "lock": "ok" if is_good or (known and not content) else "not signed",
            "approved": pins,
            "signed_by": None if signer is None else show_signer(signer),
            "must_be_signed": bool(known),
        }
    )
    if not is_good and content:
        place.say("Read it, then sign it: `yett lock sign --key FILE`")
        raise click.exceptions.Exit(1)


def _files(place: Place) -> tuple[Path, Path]:
    from yett.catalogue.config import LOCK_NAME, SIGNATURE_SUFFIX

    return place.folder / LOCK_NAME, place.folder / (LOCK_NAME + SIGNATURE_SUFFIX)


def _signers(place: Place) -> frozenset[bytes]:
    from yett.catalogue.build import read_signers

    return read_signers(place.configuration().lock.signed_by)


def _line_of(key: "Ed25519PrivateKey") -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    from yett.catalogue.signing import show_signer

    return show_signer(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def _private_key(file: Path) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        content = file.read_bytes()
    except OSError as error:
        raise CommandError(
            f"`{file}` cannot be read: {error.strerror}. `yett lock key {file}` makes a key"
        ) from None
    key = _read_key(content, None)
    if key is None:
        passphrase = click.prompt(f"Passphrase of {file}", hide_input=True, err=True)
        key = _read_key(content, passphrase.encode())
    if not isinstance(key, Ed25519PrivateKey):
        raise CommandError(
            f"`{file}` holds no Ed25519 key, or the passphrase is wrong. `yett lock key FILE` makes one"
        )
    return key


def _read_key(content: bytes, passphrase: bytes | None) -> Any:
    """Return the key; None: it takes a passphrase, or is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    is_ssh = b"OPENSSH" in content[:100]
    load = serialization.load_ssh_private_key if is_ssh else serialization.load_pem_private_key
    try:
        return load(content, passphrase)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return None
