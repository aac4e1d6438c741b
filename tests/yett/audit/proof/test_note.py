"""Signed notes: the published examples are read, and nothing else is believed."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yett.audit.proof.note import (
    COSIGNATURE,
    ED25519,
    NoteError,
    VerifierKey,
    checkpoint_text,
    checkpoints_in,
    cosign,
    parse_checkpoint,
    parse_key,
    sign,
    signers,
)

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = PRIVATE.public_key().public_bytes_raw()
NAME = "example.com/log"
KEY = VerifierKey(NAME, ED25519, PUBLIC)
WITNESS = VerifierKey("witness.example/w", COSIGNATURE, PUBLIC)
TEXT = checkpoint_text(NAME, 7, bytes(32))
NOTE = f"{TEXT}\n{sign(TEXT, NAME, PRIVATE)}"
# Of golang.org/x/mod/sumdb/note, whose format this is.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_a_published_note_and_its_key_are_read() -> None:
    key = parse_key(PETER)

    assert str(key) == PETER
    assert signers(PETERS_NOTE, [key]) == [key]
    with pytest.raises(NoteError, match="is wrong"):
        signers(PETERS_NOTE.replace("answer", "Answer"), [key])


def test_a_checkpoint_says_whose_log_how_long_and_what() -> None:
    found = parse_checkpoint(NOTE)

    assert (found.origin, found.size, found.root, found.text) == (NAME, 7, bytes(32), TEXT)
    assert signers(NOTE, [KEY]) == [KEY]


def test_a_cosignature_binds_its_moment() -> None:
    line = cosign(TEXT, WITNESS.name, PRIVATE, 1_679_315_147)
    raw = bytearray(base64.b64decode(line.split(" ")[2]))
    raw[11] ^= 1
    moved = f"— {WITNESS.name} {base64.b64encode(raw).decode()}\n"

    assert signers(NOTE + line, [KEY, WITNESS]) == [KEY, WITNESS]
    with pytest.raises(NoteError, match="is wrong"):
        signers(NOTE + moved, [KEY, WITNESS])
    short = f"— {WITNESS.name} {base64.b64encode(WITNESS.id + b'x').decode()}\n"
    with pytest.raises(NoteError, match="is wrong"):
        signers(NOTE + short, [WITNESS])


def test_unknown_keys_are_passed_over() -> None:
    other = VerifierKey("other", ED25519, PUBLIC)

    assert signers(NOTE, [other]) == []
    assert KEY.id != other.id


@pytest.mark.parametrize(
    "note",
    [
        "",
        "x",
        TEXT,
        NOTE.rstrip("\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("\n7\n", "\n07\n"),
        NOTE.replace("\n7\n", "\n-7\n"),
        NOTE.replace("AAAA", "A", 1),
        NOTE.replace("AAAA", "!!!!", 1),
        NOTE.replace("7\n", ""),
        f"{TEXT}\n— {NAME} AAAA\n",
        f"{TEXT}\n—  AAAAAAAAAAAA\n",
        NOTE + "x" * 70_000,
    ],
)
def test_what_is_no_checkpoint_is_refused(note: str) -> None:
    with pytest.raises(NoteError):
        parse_checkpoint(note)


@pytest.mark.parametrize(
    "text",
    ["", "x", PETER[:-4], PETER.replace("c74f", "c74e"), PETER.replace("Peter", "P eter"), "a+b+c"],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        parse_key(text)


def test_notes_stand_one_behind_the_other_and_what_is_cut_off_is_passed_over() -> None:
    second = NOTE.replace("\n7\n", "\n8\n")
    bad = NOTE.replace("\n7\n", "\n07\n")

    found = list(checkpoints_in(NOTE + bad + second + NOTE[:-20]))

    assert [checkpoint.size for checkpoint in found] == [7, 8]
