"""What was signed and kept elsewhere cannot be taken back, whatever is done to the directory of the log."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.yett.audit.proof.scene import MEMBERS, Scene
from tests.yett.audit.scene import CLOCK, append, open_log
from yett.audit.backends.directory import DirectorySource
from yett.audit.chain import seal
from yett.audit.proof.anchors import anchors_of
from yett.audit.proof.checkpointer import STATE_NAME, ProofFailed, Reporter
from yett.audit.proof.keys import KEYS_NAME, SigningKeys, open_keys
from yett.audit.proof.note import Checkpoint, signers
from yett.audit.proof.port import Unkept
from yett.audit.verify import verify
from yett.core.errors import CommandError


@pytest.fixture(name="scene")
def _scene(tmp_path: Path) -> Scene:
    found = Scene(tmp_path)
    found.write(50)
    return found


def test_a_log_that_grew_is_signed_and_the_rest_agrees(scene: Scene) -> None:
    sizes = []
    for _ in range(3):
        scene.write(37)
        sizes.append(scene.sign())

    verdict = scene.verify()
    assert verdict.damage is None
    assert (verdict.checkpoints, verdict.anchored) == (6, verdict.last)
    assert sizes == sorted(set(sizes))


def test_a_tail_that_was_cut_off_together_with_the_note_is_found(scene: Scene) -> None:
    size = scene.sign()
    path = scene.segments()[-1]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    (scene.directory / "head").unlink()
    for copy in scene.directory.glob("checkpoints-*"):
        copy.unlink()

    damage = scene.verify().damage

    assert damage is not None
    assert damage.kind == "checkpoint"
    assert f"the other disk says the log had {size} records" in damage.text


def test_a_log_that_is_rolled_back_to_an_older_copy_is_found(scene: Scene, tmp_path: Path) -> None:
    shutil.copytree(scene.directory, tmp_path / "copy")
    scene.write(10)
    scene.sign()
    shutil.rmtree(scene.directory)
    shutil.copytree(tmp_path / "copy", scene.directory)

    damage = scene.verify().damage

    assert damage is not None
    assert damage.kind == "checkpoint"


def test_a_log_that_was_begun_anew_is_found(scene: Scene) -> None:
    size = scene.sign()
    shutil.rmtree(scene.directory)
    scene.write(100)

    damage = scene.verify().damage

    assert damage is not None
    assert f"another root for the first {size} records" in damage.text


def test_an_edit_that_every_hash_was_made_to_fit_lies_between_two_checkpoints(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path)
    with open_log(scene.directory) as log:
        for number in range(20):
            append(log, MEMBERS.replace('"r"', f'"r{number}"'))
    path = scene.segments()[0]
    scene.sign()
    scene.write(20, segment_bytes=1 << 20)
    scene.sign()
    lines = path.read_bytes().splitlines(keepends=True)
    begin = json.loads(lines[0])
    chain, forged = bytes.fromhex(begin["previous_chain"]), []
    for number, line in enumerate(lines, 1):
        text = line.decode().partition(",")[2].rpartition(',"chain":')[0]
        sealed, chain = seal(number, chain, text.replace('"r"', '"s"') if number == 30 else text)
        forged.append(sealed)
    path.write_bytes(b"".join(forged))
    (scene.directory / "head").unlink()
    assert (
        verify(DirectorySource(scene.directory)).damage is None
    )  # nothing shows without checkpoints

    damage = scene.verify().damage

    assert damage is not None
    assert "something in 24 to 45 is not what was signed" in damage.text


def test_a_checkpoint_that_nobody_signed_or_of_another_log_is_told(
    scene: Scene, tmp_path: Path
) -> None:
    scene.sign()
    [copy] = scene.elsewhere.glob("*.txt")
    good = copy.read_text()
    (tmp_path / "other").mkdir()
    other = Scene(tmp_path / "other")
    other.write(3)
    other.sign()
    [foreign] = other.elsewhere.glob("*.txt")
    size = good.split("\n")[1]
    for content, words in (
        (foreign.read_text(), "of another log"),
        (good.replace(f"\n{size}\n", "\n9999\n"), "signature of"),
        (good.replace("— yett.local", "— yett.somewhere"), "no key of this log signed"),
    ):
        copy.write_text(content)
        _, damage = anchors_of(scene.places, [], scene.trust())
        assert damage is not None
        assert words in damage.text


def test_a_copy_in_a_file_counts_like_a_place(scene: Scene) -> None:
    scene.sign()
    [copy] = scene.elsewhere.glob("*.txt")

    anchors, damage = anchors_of([], [copy, scene.elsewhere], scene.trust())

    assert damage is None
    assert len(anchors) == 2
    with pytest.raises(CommandError, match="no checkpoint in"):
        anchors_of([], [scene.directory / "head"], scene.trust())
    shutil.rmtree(scene.elsewhere)
    with pytest.raises(CommandError, match="cannot be read"):
        anchors_of(scene.places, [], scene.trust())


def test_an_idle_log_is_not_signed_again_and_again(scene: Scene) -> None:
    checkpointer = scene.checkpointer()
    made = [checkpointer.make()[0] for _ in range(3)]

    assert made[0] is not None
    assert made[1:] == [None, None]


def test_the_tree_goes_on_where_it_stopped_or_is_built_anew(scene: Scene) -> None:
    scene.sign()
    state = scene.directory / STATE_NAME
    for damaged in (state.read_bytes(), b"nonsense", b'{"size":3,"nodes":[],"last":""}', None):
        if damaged is None:
            state.unlink()
        else:
            state.write_bytes(damaged)
        scene.write(5)
        scene.sign()
        assert scene.verify().damage is None


def test_a_log_that_became_shorter_or_another_is_not_signed(scene: Scene) -> None:
    checkpointer = scene.checkpointer()
    checkpointer.make()
    head = scene.directory / "head"
    good = head.read_bytes()
    head.write_bytes(b"%018d %b\n" % (7, b"0" * 64))
    with pytest.raises(ProofFailed, match="ends at record 7 and was signed up to"):
        checkpointer.make()
    head.write_bytes(good[:19] + b"0" * 64 + b"\n")
    with pytest.raises(ProofFailed, match="is not the one that was written"):
        checkpointer.make()
    head.write_bytes(good)
    assert checkpointer.make() == (None, {})


def test_nothing_to_sign_is_no_trouble(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.directory.mkdir()

    assert scene.checkpointer().make() == (None, {})


class Shaky:
    """A place that can be out of reach."""

    name = "the shaky place"

    def __init__(self) -> None:
        self.is_there = False
        self.kept: list[Checkpoint] = []

    def put(self, checkpoint: Checkpoint) -> None:
        if not self.is_there:
            raise Unkept("out of reach")
        self.kept.append(checkpoint)

    def all(self) -> Iterator[Checkpoint]:
        return iter(self.kept)


def test_a_place_that_is_away_is_told_once_and_gets_the_newest_when_it_is_back(
    scene: Scene,
) -> None:
    shaky = Shaky()
    scene.places.append(shaky)  # type: ignore[arg-type]  # any place will do
    checkpointer, told = scene.checkpointer(), list[dict[str, Any]]()
    reporter = Reporter(checkpointer, told.append)
    for _ in range(3):
        reporter.make()
    assert [event["event"] for event in told] == ["checkpoint.failed"]
    assert (told[0]["place"], told[0]["alert"]) == ("the shaky place", "high")

    shaky.is_there = True
    reporter.make()

    assert [event["event"] for event in told] == ["checkpoint.failed", "checkpoint.resumed"]
    assert [checkpoint.size for checkpoint in shaky.kept] == [checkpointer.size]


def test_a_failed_proof_is_an_alert_once(scene: Scene) -> None:
    told: list[dict[str, Any]] = []
    reporter = Reporter(scene.checkpointer(), told.append)
    reporter.make()
    (scene.directory / "head").write_bytes(b"%018d %b\n" % (7, b"0" * 64))
    for _ in range(2):
        reporter.make()

    assert [event["event"] for event in told] == ["proof.failed"]


def test_a_checkpoint_that_was_cut_off_spoils_no_other(scene: Scene) -> None:
    scene.sign()
    [copy] = scene.elsewhere.glob("*.txt")
    for cut in (3, 60, 90):
        copy.write_bytes(copy.read_bytes() + copy.read_bytes()[:cut])
        scene.write(1)
        scene.sign()

    found = [checkpoint.size for checkpoint in scene.places[1].all()]

    assert len(found) == 4
    assert found == sorted(found)
    assert scene.verify().damage is None


def test_a_directory_that_is_not_there_is_not_made(scene: Scene) -> None:
    shutil.rmtree(scene.elsewhere)
    _, failures = scene.checkpointer().make()

    assert failures == {"the other disk": "No such file or directory"}
    assert not scene.elsewhere.exists()


# -- keys


def test_a_new_key_is_introduced_by_the_old_one(scene: Scene) -> None:
    scene.sign()
    path = scene.folder / KEYS_NAME
    [old] = SigningKeys(path).verifiers()
    open_keys(scene.folder, CLOCK.wall()).rotate(CLOCK.wall())
    scene.write(1)
    scene.sign()
    new, known = SigningKeys(path).verifiers()
    assert known == old
    newest = list(scene.places[1].all())[-1]
    assert signers(newest.note, [old, new]) == [new, old]

    assert SigningKeys(path).retire() == 1
    scene.write(1)
    scene.sign()
    newest = list(scene.places[1].all())[-1]
    assert signers(newest.note, [old, new]) == [new]
    assert scene.verify().damage is None  # what the old one signed still counts
    assert SigningKeys(path).in_use() == 1


@pytest.mark.parametrize("content", [b"", b"{}", b'{"origin":"o","keys":[{"public":"x","private":"x","since":1}]}'])  # fmt: skip
def test_keys_that_cannot_be_used_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / KEYS_NAME
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(CommandError, match="cannot be used"):
        open_keys(tmp_path, 0.0)


def test_keys_that_others_may_read_are_refused(tmp_path: Path) -> None:
    open_keys(tmp_path, 0.0)
    (tmp_path / KEYS_NAME).chmod(0o644)

    with pytest.raises(CommandError, match="chmod 600"):
        open_keys(tmp_path, 0.0)
    (tmp_path / KEYS_NAME).unlink()
    with pytest.raises(CommandError, match="makes the key"):
        SigningKeys(tmp_path / KEYS_NAME)
