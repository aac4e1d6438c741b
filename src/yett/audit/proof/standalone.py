"""Checks Yett's audit log, or a proof of single records, with Python's standard library and nothing else.

    python3 verify_audit.py DIRECTORY --key KEY [--checkpoint FILE_OR_DIRECTORY]...
    python3 verify_audit.py --proof FILE --key KEY

KEY: the public key as `yett audit key` printed it once, kept where the log is not. Without it only the chain
is checked. Exit code 0: whole; 1: not, and why; 2: it could not be checked.

Reads segment-*.jsonl, segment-*.leaves and checkpoints-*.txt; the format is docs/reference/audit-format.md.
RFC 6962 (tree), RFC 8032 (Ed25519), C2SP signed-note, tlog-checkpoint and tlog-proof.
"""

import argparse
import base64
import json
import re
import sys
from collections.abc import Iterator
from hashlib import sha256, sha512
from pathlib import Path

Point = tuple[int, int, int, int]
Key = tuple[str, bytes, bytes]
"""Name, id and public half."""

# --- Ed25519, verification only (RFC 8032, section 5.1). Not constant in time, and need not be: nothing is secret.
SIGNATURE_BYTES, KEY_BYTES = 64, 33
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def recover_x(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def point(raw: bytes) -> Point | None:
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def add(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar: int, a: Point) -> Point:
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = add(total, a)
        a = add(a, a)
        scalar >>= 1
    return total


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0) or 0
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    if len(signature) != SIGNATURE_BYTES:
        return False
    a, r, s = point(public), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    h = int.from_bytes(sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = multiply(s, BASE), add(r, multiply(h, a))
    return not (
        (left[0] * right[2] - right[0] * left[2]) % P
        or (left[1] * right[2] - right[1] * left[2]) % P
    )


# --- notes
class Broken(Exception):
    """What was checked is not whole."""


def read_key(text: str) -> Key:
    name, _, rest = text.strip().partition("+")
    key_id, _, material = rest.partition("+")
    raw = base64.b64decode(material, validate=True)
    seed = name.encode() + b"\n" + raw
    if len(raw) != KEY_BYTES or raw[0] != 1 or sha256(seed).digest()[:4].hex() != key_id:
        sys.exit("the key is none: name+id+key is expected, as `yett audit key` prints it")
    return name, bytes.fromhex(key_id), raw[1:]


def open_note(note: str, key: Key) -> tuple[int, bytes]:
    """Return size and root of a checkpoint that the key signed."""
    text, _, tail = note.rpartition("\n\n")
    text += "\n"
    origin, size, root = text.split("\n")[:3]
    for line in tail.splitlines():
        _, name, encoded = line.split(" ")
        raw = base64.b64decode(encoded, validate=True)
        if (name, raw[:4]) == (key[0], key[1]):
            if origin != key[0] or not is_signed(key[2], text.encode(), raw[4:]):
                raise Broken(f"the signature of the checkpoint of {size} records is wrong")
            return int(size), base64.b64decode(root, validate=True)
    raise Broken(f"the checkpoint of {size} records is not signed with this key")


NOTES = re.compile(r"(?:[^\n]+\n){3,16}\n(?:— [^\n]+\n){1,32}")


def read_checkpoints(paths: list[Path], key: Key) -> list[tuple[int, bytes]]:
    found: dict[int, bytes] = {}
    for path in paths:
        files = sorted(path.glob("checkpoints-*.txt")) if path.is_dir() else [path]
        notes = [note for file in files for note in NOTES.findall(file.read_text("utf-8"))]
        if not notes and path != paths[0]:  # a disk that is away does not agree
            raise ValueError(f"there is no checkpoint in {path}")
        for note in notes:
            size, root = open_note(note, key)
            if found.setdefault(size, root) != root:
                raise Broken(f"two checkpoints of {size} records say different things")
    return sorted(found.items())


# --- the tree
def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


class Tree:
    """Perfect subtrees from left to right: (how many leaves, root)."""

    def __init__(self) -> None:
        self.size = 0
        self.parts: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        count = 1
        while self.parts and self.parts[-1][0] == count:
            leaf, count = node(self.parts.pop()[1], leaf), count * 2
        self.parts.append((count, leaf))
        self.size += 1

    def root(self) -> bytes:
        root = self.parts[-1][1]
        for _, left in reversed(self.parts[:-1]):
            root = node(left, root)
        return root


def climb(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to (RFC 9162, section 2.1.3.2)."""
    last = size - 1
    for sibling in path:
        if last == 0:
            raise Broken("the proof is too long")
        if index % 2 or index == last:
            leaf = node(sibling, leaf)
            while not index % 2 and index:
                index, last = index >> 1, last >> 1
        else:
            leaf = node(leaf, sibling)
        index, last = index >> 1, last >> 1
    if last:
        raise Broken("the proof is too short")
    return leaf


# --- the log
def first_of(path: Path) -> int:
    return int(path.stem.removeprefix("segment-"))


def leaf_of(line: bytes, chain: bytes, sequence: int, format_: int) -> bytes:
    """Return the leaf hash of a line that must be the next one."""
    text, mark, claimed = line.rpartition(b',"chain":"')
    if not text.startswith(b'{"sequence":%d,' % sequence):
        raise Broken(f"record {sequence} is missing")
    data = chain + text + b"}" if format_ == 1 else b"\0" + chain + text
    leaf = sha256(data).digest()
    if not mark or claimed != b'%b"}\n' % leaf.hex().encode():
        raise Broken(f"record {sequence} was changed, or one before it")
    return leaf


def leaves_of(directory: Path, told: dict[str, set[tuple[int, str]]]) -> Iterator[bytes]:
    """Yield every leaf hash in order; of segments that are gone, those that stayed. told: gets what the log
    says about itself."""
    files = {first_of(path): path for path in directory.glob("segment-*.leaves")}
    files |= {first_of(path): path for path in directory.glob("segment-*.jsonl")}
    chain, sequence, begin = b"", 0, {"format": 0}
    for first, path in sorted(files.items()):
        if path.suffix == ".leaves":
            raw = path.read_bytes()
            if first != sequence + 1 or len(raw) % 32 or not raw:
                raise Broken(f"{path.name}: these are not the leaves of {first} and what follows")
            sequence += len(raw) // 32
            chain = raw[-32:]
            told["gone"] = {(sequence, chain.hex())}
            yield from (raw[at : at + 32] for at in range(0, len(raw), 32))
            continue
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    if number == 1:
                        begin = json.loads(line)
                        before = bytes.fromhex(begin["previous_chain"])
                        if begin["previous_sequence"] != sequence or chain not in (b"", before):
                            raise Broken("this does not continue what was before")
                        chain = before
                    chain = leaf_of(line, chain, sequence + 1, begin["format"])
                except (Broken, ValueError, KeyError) as error:
                    raise Broken(f"{path.name}:{number}: {error}") from error
                sequence += 1
                if b'"kind":"event","event":"audit.pruned"' in line[:120]:
                    for item in json.loads(line)["details"]["segments"]:
                        told["pruned"].add((item["through"], item["chain"]))
                yield chain


def check_log(directory: Path, key: Key | None, places: list[Path]) -> str:
    checkpoints = read_checkpoints([directory, *places], key) if key else []
    tree, waiting = Tree(), list(checkpoints)
    told: dict[str, set[tuple[int, str]]] = {"gone": set(), "pruned": set()}
    for leaf in leaves_of(directory, told):
        tree.add(leaf)
        while waiting and waiting[0][0] == tree.size:
            if tree.root() != waiting.pop(0)[1]:
                raise Broken(f"the first {tree.size} records are not those that were signed")
    if waiting:
        raise Broken(f"the log ends at {tree.size} and was signed up to {waiting[-1][0]}")
    if not told["gone"] <= told["pruned"]:
        raise Broken("the beginning is gone, and no record says that it was pruned")
    signed = f"signed up to {checkpoints[-1][0]}" if checkpoints else "no checkpoint was checked"
    return f"ok {tree.size} lines, {signed}"


def check_proof(text: str, key: Key) -> str:
    found = []
    for proof in text.split("c2sp.org/tlog-proof@v1\n")[1:]:
        head, _, note = proof.partition("\n\n")
        extra, index, *path = head.split("\n")
        said = json.loads(base64.b64decode(extra.removeprefix("extra "), validate=True))
        size, root = open_note(note, key)
        number = int(index.removeprefix("index "))
        line = said["line"].encode() + b"\n"
        leaf = leaf_of(line, bytes.fromhex(said["previous"]), number + 1, 2)
        steps = [base64.b64decode(step, validate=True) for step in path]
        if climb(leaf, number, size, steps) != root:
            raise Broken(f"record {number + 1} is not in the log of {size} records that was signed")
        found.append(f"ok record {number + 1} of {size}: {said['line']}")
    if not found:
        raise Broken("there is no proof in this file")
    return "\n".join(found)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("directory", nargs="?", type=Path)
    parser.add_argument("--key", type=read_key)
    parser.add_argument("--checkpoint", action="append", default=[], type=Path)
    parser.add_argument("--proof", type=Path)
    options = parser.parse_args()
    if (options.proof is None) == (options.directory is None) or (
        options.proof and not options.key
    ):
        parser.error("name the log's directory, or a proof and the key")
    if options.checkpoint and not options.key:
        parser.error("checkpoints are worth what their signature is worth: name the --key")
    try:
        if options.proof:
            say(check_proof(options.proof.read_text("utf-8"), options.key))
        else:
            say(check_log(options.directory, options.key, options.checkpoint))
    except Broken as broken:
        say(f"broken: {broken}")
        return 1
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"it cannot be checked: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
