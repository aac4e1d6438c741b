"""The verifier that needs neither Yett nor its database: it agrees with Yett, and finds every change."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.yett.audit.proof.scene import Scene
from yett.audit.backends.directory import DirectorySource
from yett.audit.backends.leaves import LeafReader
from yett.audit.proof import standalone
from yett.audit.proof.inclusion import NotProved, inclusion_proof, lines_of
from yett.audit.proof.note import ED25519, VerifierKey
from yett.audit.proof.tree import Tree
from yett.audit.verify import verify

PROGRAM = Path(standalone.__file__)
LINES_MAX = 300


@pytest.fixture(name="scene", scope="module")
def _scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    found = Scene(tmp_path_factory.mktemp("standalone"))
    found.write(50)
    found.sign()
    found.write(20)
    found.sign()
    return found


def run(*words: object) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", PROGRAM, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def proofs(scene: Scene, record: str) -> list[str]:
    tree = Tree(LeafReader(scene.directory))
    checkpoints = list(scene.places[1].all())
    source = DirectorySource(scene.directory)
    return [inclusion_proof(line, tree, checkpoints) for line in lines_of(source, record)]


def test_it_is_short_and_needs_nothing_but_python() -> None:
    text = PROGRAM.read_text()

    assert len(text.splitlines()) < LINES_MAX
    assert "import yett" not in text
    assert "from yett" not in text


def test_it_agrees_with_yett(scene: Scene) -> None:
    last = verify(DirectorySource(scene.directory)).last

    assert run(scene.directory, "--key", scene.key) == (
        0,
        f"ok {last} lines, signed up to {last}\n",
    )
    assert run(scene.directory, "--key", scene.key, "--checkpoint", scene.elsewhere)[0] == 0
    assert run(scene.directory) == (0, f"ok {last} lines, no checkpoint was checked\n")


def test_it_says_when_it_cannot_check(scene: Scene) -> None:
    assert run()[0] == 2
    assert run(scene.directory, "--checkpoint", scene.elsewhere)[0] == 2
    assert run(scene.directory, "--key", "x+y+z")[0] == 2
    assert run(scene.directory, "--key", scene.key, "--checkpoint", "/nowhere")[0] == 2


def test_a_place_without_checkpoints_does_not_agree(scene: Scene, tmp_path: Path) -> None:
    """Attack: the disk of the checkpoints is away, and the log beside it was rolled back with its own."""
    code, said = run(scene.directory, "--key", scene.key, "--checkpoint", tmp_path)

    assert code == 2
    assert f"there is no checkpoint in {tmp_path}" in said


def test_a_proof_is_checked_with_nothing_but_the_key(scene: Scene, tmp_path: Path) -> None:
    found = proofs(scene, "r")
    assert len(found) == 70
    path = tmp_path / "record.tlog-proof"
    path.write_text(found[0] + found[69])

    code, said = run("--proof", path, "--key", scene.key)

    assert code == 0
    assert [line.partition(" of ")[0] for line in said.splitlines()] == [
        "ok record 3",
        f"ok record {verify(DirectorySource(scene.directory)).last - 1}",
    ]


def test_a_proof_of_something_else_is_refused(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "record.tlog-proof"
    [good] = proofs(scene, "7")
    extra = good.splitlines()[1].removeprefix("extra ")
    edited = base64.b64encode(
        base64.b64decode(extra).replace(rb"\"kind\":\"own\"", rb"\"kind\":\"owm\"")
    )
    steps = good.splitlines()
    for text in (
        good.replace(extra, edited.decode()),
        good.replace("index 6\n", "index 7\n"),
        good.replace(steps[3] + "\n", ""),
        good.replace(steps[3], steps[4]),
        good.replace("\n\n", f"\n{steps[3]}\n\n", 1),
        "",
    ):
        path.write_text(text)
        assert text != good
        assert run("--proof", path, "--key", scene.key)[0] == 1, text
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    name = scene.key.partition("+")[0]
    path.write_text(good)
    assert run("--proof", path, "--key", VerifierKey(name, ED25519, other))[0] == 1


def test_what_is_not_signed_yet_is_not_proved(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.write(3)
    scene.sign()
    scene.write(3)

    assert len(proofs(scene, "2")) == 1
    with pytest.raises(NotProved, match="was not signed yet"):
        proofs(scene, "8")
    assert proofs(scene, "999") == []
    assert proofs(scene, "no-such-id") == []


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_single_change_of_a_byte_or_a_line_is_found(scene: Scene, data: st.DataObject) -> None:
    """By both verifiers, wherever it is; the files are put back each time."""
    paths = scene.segments()
    path = paths[data.draw(st.integers(0, len(paths) - 1))]
    good = path.read_bytes()
    lines = good.splitlines(keepends=True)
    number = data.draw(st.integers(0, len(lines) - 1))
    kind = data.draw(st.sampled_from(["flip", "drop", "repeat", "swap", "insert", "cut", "remove"]))
    if kind == "flip":
        at = data.draw(st.integers(0, len(good) - 1))
        changed = bytearray(good)
        changed[at] ^= 1 << data.draw(st.integers(0, 7))
        content: bytes | None = bytes(changed)
    elif kind == "cut":
        content = good[: data.draw(st.integers(0, len(good) - 1))]
    elif kind == "remove":
        content = None
    else:
        other = (number + 1) % len(lines)
        changes = {
            "drop": lines[:number] + lines[number + 1 :],
            "repeat": [*lines[: number + 1], *lines[number:]],
            "swap": [lines[{number: other, other: number}.get(at, at)] for at in range(len(lines))],
            "insert": [*lines[:number], b"{}\n", *lines[number:]],
        }
        content = b"".join(changes[kind])
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    try:
        key = standalone.read_key(scene.key)
        with pytest.raises((standalone.Broken, ValueError, KeyError)):
            standalone.check_log(scene.directory, key, [])
        verdict = scene.verify()
        assert verdict.damage is not None
    finally:
        path.write_bytes(good)


@given(st.binary(max_size=200), st.integers(0, 63), st.integers(1, 255))
@settings(max_examples=40, deadline=None)
def test_its_signatures_are_those_of_everybody(message: bytes, at: int, change: int) -> None:
    private = Ed25519PrivateKey.generate()
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    wrong = bytearray(signature)
    wrong[at] ^= change

    assert standalone.is_signed(public, message, signature)
    assert not standalone.is_signed(public, message, bytes(wrong))
    assert not standalone.is_signed(public, message + b"x", signature)
    assert not standalone.is_signed(public, message, signature[:-1])


def test_a_published_signature_of_rfc_8032_is_accepted() -> None:
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )

    assert standalone.is_signed(public, b"\x72", signature)
    assert not standalone.is_signed(b"\xff" * 32, b"\x72", signature)
