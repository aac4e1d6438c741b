"""A lock that must be signed is taken from those who may sign it, and from nobody else."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.needs import needs_openssh
from tests.yett.catalogue.scene import Scene, lock_of, pin, tool
from yett.catalogue.backends.lock_file import LockFile
from yett.catalogue.build import read_signers
from yett.catalogue.config import LOCK_NAME
from yett.catalogue.lock import Lock, LockNotSigned, restricted, with_pins
from yett.catalogue.port import Definitions
from yett.catalogue.signing import read_signer, show_signer, sign, signer_of
from yett.core.errors import ConfigurationError
from yett.core.operations import Kind

ANNA, EVE = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
LOCK = lock_of("s", Definitions(tools=(tool("a"), tool("b"))))
MORE = with_pins(LOCK, "s", Kind.TOOL, {"c": pin("s", tool("c"))})
WITHOUT_A = with_pins(LOCK, "s", Kind.TOOL, {"a": pin("s", tool("a"), quarantined=True)})


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def test_a_signature_is_of_this_lock_by_this_key() -> None:
    signature = sign(b"content", ANNA).encode()
    assert signer_of(b"content", signature) == public(ANNA)
    assert signer_of(b"content", signature.replace(b"\n", b"\r\n")) == public(ANNA)
    assert signer_of(b"Content", signature) is None


def test_every_byte_of_a_signature_counts() -> None:
    signature = sign(b"content", ANNA).encode()
    inside = range(signature.index(b"\n") + 1, signature.rindex(b"\n-----END"))
    for place in inside:
        if signature[place : place + 1] == b"\n":
            continue
        other = b"A" if signature[place : place + 1] != b"A" else b"B"
        changed = signature[:place] + other + signature[place + 1 :]
        assert signer_of(b"content", changed) is None, place


@pytest.mark.parametrize("signature", [b"", b"\xff" * 100, b"-----BEGIN SSH SIGNATURE-----", b"x" * 10_000])  # fmt: skip
def test_what_is_no_signature_is_of_nobody(signature: bytes) -> None:
    assert signer_of(b"content", signature) is None


def test_a_line_of_a_key_reads_back() -> None:
    line = show_signer(public(ANNA))
    assert read_signer(f"{line} anna@example.com\n") == public(ANNA)
    for wrong in ("", "ssh-rsa AAAA", "ssh-ed25519", line[:-6], "ssh-ed25519 !!!"):
        with pytest.raises(ValueError, match=r"begin with|cut off"):
            read_signer(wrong)
    with pytest.raises(ConfigurationError, match="ssh-ed25519"):
        read_signers([line, "nonsense"])


@needs_openssh
def test_openssh_signs_and_checks_the_same(tmp_path: Path) -> None:
    lock, key, allowed = tmp_path / "yett.lock", tmp_path / "key", tmp_path / "allowed"
    lock.write_bytes(b"content")
    key.write_bytes(ANNA.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    key.chmod(0o600)
    allowed.write_text(f"anna {show_signer(public(ANNA))}\n")
    signs = ["ssh-keygen", "-Y", "sign", "-n", "yett.lock", "-f", str(key), str(lock)]
    subprocess.run(signs, check=True, capture_output=True)
    theirs = tmp_path / "yett.lock.sig"
    assert signer_of(b"content", theirs.read_bytes()) == public(ANNA)

    theirs.write_text(sign(b"content", ANNA))
    checks = ["ssh-keygen", "-Y", "verify", "-n", "yett.lock", "-I", "anna", "-f", str(allowed), "-s", str(theirs)]  # fmt: skip
    assert subprocess.run(checks, input=b"content", capture_output=True, check=False).returncode == 0  # fmt: skip


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Lock, Ed25519PrivateKey | None], LockFile]:
    """Write a lock, signed or not; return the way to it, on which Anna has to sign."""
    path = tmp_path / LOCK_NAME

    def written(lock: Lock, key: Ed25519PrivateKey | None) -> LockFile:
        LockFile(path).update(lambda _: lock)
        if key is not None:
            path.with_name("yett.lock.sig").write_text(sign(path.read_bytes(), key))
        return LockFile(path, frozenset({public(ANNA)}))

    return written


Write = Callable[[Lock, Ed25519PrivateKey | None], LockFile]


def test_a_lock_is_read_only_as_it_was_signed(write: Write) -> None:
    with pytest.raises(LockNotSigned):
        write(LOCK, None).read()
    with pytest.raises(LockNotSigned):
        write(LOCK, EVE).read()
    assert write(LOCK, ANNA).read() == LOCK
    with pytest.raises(LockNotSigned):
        write(MORE, None).read()
    before = write(MORE, ANNA).stamp()
    assert write(MORE, ANNA).read() == MORE
    assert write(MORE, EVE).stamp() != before


async def test_an_unsigned_change_is_refused_and_what_was_approved_goes_on(write: Write) -> None:
    store = write(LOCK, ANNA)
    scene = Scene({"s": Definitions(tools=(tool("a"), tool("b"), tool("c")))}, LOCK)
    scene.verifier._store = store
    await scene.verify()
    write(MORE, None)
    await scene.verifier._read_lock_if_changed()

    assert await scene.take("tools/list") == ["s__a", "s__b"]
    (told,) = [event for event in scene.events if event["event"] == "lock.not_signed"]
    assert told["alert"] == "high"
    await scene.verifier._read_lock_if_changed()
    assert [event["event"] for event in scene.events].count("lock.not_signed") == 1

    write(MORE, ANNA)
    await scene.verifier._read_lock_if_changed()
    assert await scene.take("tools/list") == ["s__a", "s__b", "s__c"]


async def test_what_is_taken_out_of_use_needs_no_signature(write: Write) -> None:
    store = write(LOCK, ANNA)
    scene = Scene({"s": Definitions(tools=(tool("a"), tool("b")))}, LOCK)
    scene.verifier._store = store
    await scene.verify()
    write(WITHOUT_A, None)
    await scene.verifier._read_lock_if_changed()

    assert await scene.take("tools/list") == ["s__b"]
    assert (await scene.resolve("s__a")).quarantined


def test_of_an_unsigned_lock_nothing_but_that_is_taken() -> None:
    other = with_pins(MORE, "s", Kind.TOOL, {"a": pin("s", tool("a", "Other"), quarantined=True)})
    assert restricted(LOCK, other) == LOCK
    assert restricted(LOCK, WITHOUT_A) == WITHOUT_A
    assert restricted(WITHOUT_A, LOCK) == WITHOUT_A
    assert restricted(LOCK, Lock()) == LOCK
