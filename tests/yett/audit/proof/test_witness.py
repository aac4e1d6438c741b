"""A witness signs what continues a log and nothing else; the gate's side believes only the key it was told."""

import base64
import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.yett.audit.proof.scene import Scene
from tests.yett.audit.scene import CLOCK
from yett.audit.backends.checkpoint_witness import HttpWitness
from yett.audit.backends.leaves import LeafReader
from yett.audit.proof.anchors import ask_witness
from yett.audit.proof.checkpointer import ProofFailed
from yett.audit.proof.keys import SigningKeys, open_keys
from yett.audit.proof.note import Checkpoint, VerifierKey, checkpoint_text, sign, signers
from yett.audit.proof.tree import Tree
from yett.audit.proof.witness import Answer, WitnessBook

NAME = "witness.example/w"


def book_of(scene: Scene, folder: Path, private: Ed25519PrivateKey | None = None) -> WitnessBook:
    keys = open_keys(scene.folder, CLOCK.wall())
    return WitnessBook(
        name=NAME,
        private=private or Ed25519PrivateKey.generate(),
        logs=keys.verifiers(),
        state=folder / "witness.json",
        clock=CLOCK,
    )


@contextmanager
def serving(answer: Callable[[bytes], Answer]) -> Iterator[str]:
    """Serve one witness on loopback; yield what `/add-checkpoint` is put behind."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/w/add-checkpoint"
            found = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(found.status)
            self.send_header("Content-Type", found.kind)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/w"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(name="scene")
def _scene(tmp_path: Path) -> Scene:
    found = Scene(tmp_path)
    found.write(20)
    return found


def body(old: int, proof: list[bytes], note: str) -> bytes:
    lines = [f"old {old}", *(base64.b64encode(node).decode() for node in proof)]
    return ("\n".join(lines) + "\n\n" + note).encode()


def test_a_witness_confirms_a_log_that_grows(scene: Scene, tmp_path: Path) -> None:
    book = book_of(scene, tmp_path)
    with serving(book.add) as url:
        scene.witnesses = [HttpWitness(url, book.key, ca=None)]
        for _ in range(3):
            scene.sign()
            scene.write(9)
        newest = list(scene.places[1].all())
        known = [*scene_keys(scene), book.key]

        assert [signers(checkpoint.note, known) for checkpoint in newest] == [known] * 3
        assert ask_witness(scene.witnesses[0], newest[-1]) is None
        damage = ask_witness(scene.witnesses[0], newest[0])
        assert damage is not None
        assert "has seen" in damage.text


def scene_keys(scene: Scene) -> list[VerifierKey]:
    return list(SigningKeys(scene.folder / "checkpoint-keys.json").verifiers())


def test_a_witness_that_was_added_later_or_forgot_us_is_brought_up_to_date(
    scene: Scene, tmp_path: Path
) -> None:
    private = Ed25519PrivateKey.generate()
    book = book_of(scene, tmp_path, private)
    with serving(book.add) as url:
        scene.witnesses = [HttpWitness(url, book.key, ca=None)]
        scene.sign()
        (
            scene.directory / "tree"
        ).unlink()  # what was witnessed is forgotten here: the witness tells
        scene.write(3)
        scene.sign()
    (tmp_path / "witness.json").unlink()
    book = book_of(scene, tmp_path, private)
    with serving(book.add) as url:
        scene.witnesses = [HttpWitness(url, book.key, ca=None)]
        scene.write(3)
        scene.sign()


def test_a_log_that_was_rolled_back_is_not_confirmed_and_that_is_a_failed_proof(
    scene: Scene, tmp_path: Path
) -> None:
    book = book_of(scene, tmp_path)
    shutil.copytree(scene.directory, tmp_path / "copy")
    with serving(book.add) as url:
        scene.witnesses = [HttpWitness(url, book.key, ca=None)]
        scene.write(30)
        size = scene.sign()
        shutil.rmtree(scene.directory)
        shutil.copytree(tmp_path / "copy", scene.directory)
        scene.write(1)
        with pytest.raises(ProofFailed, match=f"has seen {size} records"):
            scene.checkpointer().make()


def test_another_log_of_the_same_size_is_a_failed_proof(scene: Scene, tmp_path: Path) -> None:
    book = book_of(scene, tmp_path)
    keys = open_keys(scene.folder, CLOCK.wall())
    head = scene.checkpointer()
    assert book.add(body(0, [], keys.sign(23, b"x" * 32).note)).status == 200
    with serving(book.add) as url:
        scene.witnesses = [HttpWitness(url, book.key, ca=None)]
        with pytest.raises(ProofFailed, match="knows another log of 23 records"):
            scene.checkpointer().make()
    assert head.size == 0


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(404), "does not know this log"),
        (Answer(403), "does not know the key"),
        (Answer(422), "does not accept the proof"),
        (Answer(500), "it answered 500"),
        (Answer(200), "not signed with the key"),
        (Answer(200, b"\xff"), "is no signature"),
        (Answer(200, b"nonsense\n"), "is no signature"),
        (Answer(409, b"7\n", "text/x.tlog.size"), "does not stand by the size"),
    ],
)
def test_a_witness_that_answers_badly_is_told_and_the_rest_goes_on(
    scene: Scene, answer: Answer, why: str
) -> None:
    sizes = iter(range(3, 9))

    def answering(_request: bytes) -> Answer:
        return Answer(409, b"%d\n" % next(sizes), answer.kind) if answer.status == 409 else answer

    key = VerifierKey(NAME, 4, bytes(32))
    with serving(answering) as url:
        scene.witnesses = [HttpWitness(url, key, ca=None)]
        made, failures = scene.checkpointer().make()

    assert made is not None
    assert why in failures[f"the witness {NAME}"]
    assert [checkpoint.size for checkpoint in scene.places[1].all()] == [made.size]


def test_a_witness_that_nobody_answers_for_is_told(scene: Scene) -> None:
    scene.witnesses = [HttpWitness("http://127.0.0.1:9", VerifierKey(NAME, 4, bytes(32)), ca=None)]

    made, failures = scene.checkpointer().make()

    assert made is not None
    assert list(failures) == [f"the witness {NAME}"]


# -- the witness's own side (C2SP tlog-witness)


def checkpoint_of(scene: Scene, size: int) -> Checkpoint:
    tree = Tree(LeafReader(scene.directory))
    return open_keys(scene.folder, CLOCK.wall()).sign(size, tree.root(size))


def test_it_says_no_as_the_protocol_says(scene: Scene, tmp_path: Path) -> None:
    book, tree = book_of(scene, tmp_path), Tree(LeafReader(scene.directory))
    first, second = checkpoint_of(scene, 7), checkpoint_of(scene, 12)
    path = tree.consistency(7, 12)
    stranger = Ed25519PrivateKey.generate()

    def signed(origin: str, name: str) -> str:
        text = checkpoint_text(origin, 12, second.root)
        return f"{text}\n{sign(text, name, stranger)}"

    for request, status in (
        (b"", 400),
        (b"old 07\n\n" + first.note.encode(), 400),
        (b"old 0\nAAAA\n\n" + first.note.encode(), 400),
        (body(9, [], first.note), 400),
        (body(0, [], signed("example.com/other", "x")), 404),
        (body(0, [], signed(first.origin, first.origin)), 403),
        (body(0, [], first.note.replace("\n7\n", "\n8\n")), 403),
        (body(0, path, first.note), 422),
        (body(3, [], first.note), 409),
        (body(0, [], first.note), 200),
        (body(0, [], first.note), 409),
        (body(7, [], first.note), 200),
        (body(7, path[1:], second.note), 422),
        (body(7, [*path, path[0]], second.note), 422),
        (body(7, path, second.note), 200),
    ):
        answer = book.add(request)
        assert answer.status == status, request
    refused = book.add(body(7, path, second.note))
    assert (refused.status, refused.body, refused.kind) == (409, b"12\n", "text/x.tlog.size")
    again = WitnessBook(name=NAME, private=stranger, logs=scene_keys(scene), state=tmp_path / "witness.json", clock=CLOCK)  # fmt: skip
    assert again.add(body(7, path, second.note)).status == 409  # it remembers
