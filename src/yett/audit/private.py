"""What the record hides, and what it shows instead: a keyed digest, by which equal values are known as equal.

What is secret is said in three ways: by a tool's schema (here), by the names of members and by the detectors
(both in what `redact` does, which the composition root hands in).
"""

import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final, final

from blake3 import blake3

from yett.core.document import DocumentError, parse
from yett.core.document import encode as encode_document
from yett.core.errors import CommandError
from yett.core.target import JSON
from yett.storage.files import create_private

DIGEST_KEY_NAME: Final = "audit-digest-key"
DIGEST_KEY_BYTES: Final = 32
DIGEST_BYTES: Final = 16
_DEPTH_MAX: Final = 16
_STEPS_MAX: Final = 5_000
_MARKS: Final = ("writeOnly", "x-secret", "x-sensitive")
_EACH: Final = "*"
_EACH_BY: Final = (
    "items", "additionalItems", "unevaluatedItems", "contains", "additionalProperties", "unevaluatedProperties",
)  # fmt: skip
_STEPS: Final[dict[str, tuple[str, ...]]] = {
    "patternProperties": (_EACH,), "dependentSchemas": (), "prefixItems": (_EACH,), "items": (_EACH,),
}  # fmt: skip


PrivatePaths = tuple[tuple[str, ...], ...] | None
"""Each: names of members, from the outside in; `*` is each item, or each member. None: nothing is secret,
which is nearly always so."""


@final
class Digest:
    """Digests with a key: BLAKE3 in its keyed mode, cut to 128 bits. hash: what makes an object whose `hexdigest` takes
    the length, `DIGEST_BYTES`."""

    __slots__ = ("hash",)

    def __init__(self, key: bytes) -> None:
        self.hash: Final = partial(blake3, key=key)

    def __call__(self, document: bytes) -> str:
        """Return 32 hexadecimal digits."""
        return self.hash(document).hexdigest(DIGEST_BYTES)


def open_digest(data: Path) -> Digest:
    """Return what digests with this installation's own key, which is made at first use.

    Raises:
        CommandError: the key cannot be read, or others may read it.
        OSError: it cannot be made.
    """
    path = data / DIGEST_KEY_NAME
    if not path.exists():
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        create_private(path, secrets.token_bytes(DIGEST_KEY_BYTES))
    if path.stat().st_mode & 0o077:
        raise CommandError(f"Others may read the key in `{path}`. Run `chmod 600 {path}`")
    key = path.read_bytes()
    if len(key) != DIGEST_KEY_BYTES:
        raise CommandError(
            f"`{path}` is damaged. Restore it from a backup, or remove it: digests that are made from then on "
            "do not compare with older ones"
        )
    return Digest(key)


def private_paths(definition: dict[str, JSON]) -> PrivatePaths:
    """Return where a tool's input holds what its schema calls secret: `writeOnly`, `format: password`, or
    `x-secret` or `x-sensitive` that is true."""
    schema = definition.get("inputSchema")
    if not isinstance(schema, dict):
        return None
    search = _Search(schema)
    search.walk(schema, (), 0)
    return tuple(dict.fromkeys(search.found)) or None


@final
class _Search:
    """One walk over one schema, which may hold itself: it ends with the depth, and with the steps."""

    def __init__(self, root: dict[str, JSON]) -> None:
        self.found: list[tuple[str, ...]] = []
        self._root = root
        self._steps = 0

    def walk(self, schema: JSON, path: tuple[str, ...], depth: int) -> None:
        self._steps += 1
        if not isinstance(schema, dict) or depth > _DEPTH_MAX or self._steps > _STEPS_MAX:
            return
        if schema.get("format") == "password" or any(schema.get(mark) is True for mark in _MARKS):
            self.found.append(path)
            return
        for step, inner in self._inside(schema):
            self.walk(inner, (*path, *step), depth + 1)

    def _inside(self, schema: dict[str, JSON]) -> Iterator[tuple[tuple[str, ...], JSON]]:
        """Yield what a schema says of the value itself (no step) and of what it holds."""
        for word in ("properties", "patternProperties", "dependentSchemas"):
            named = schema.get(word)
            for name, inner in named.items() if isinstance(named, dict) else ():
                yield _STEPS.get(word, (name,)), inner
        for word in _EACH_BY:
            yield (_EACH,), schema.get(word)
        for word in ("then", "else"):
            yield (), schema.get(word)
        for word in ("allOf", "anyOf", "oneOf", "prefixItems", "items"):
            choices = schema.get(word)
            for inner in choices if isinstance(choices, list) else ():
                yield _STEPS.get(word, ()), inner
        yield (), self._target(schema.get("$ref"))

    def _target(self, reference: JSON) -> JSON:
        """Return where `#/$defs/NAME` or `#` leads; None: nowhere in this schema."""
        if reference == "#":
            return self._root
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return None
        found: JSON = self._root
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        return found


def hide(document: bytes, private: tuple[tuple[str, ...], ...], digest: Digest) -> bytes:
    """Return compact JSON in which what lies at the private paths is `[private:DIGEST]`; of what cannot be
    read nothing is shown."""
    try:
        value = parse(document)
    except DocumentError:
        return encode_document(f"[private:{digest(document)}]")
    for path in private:
        value = _hidden(value, path, digest)
    return encode_document(value)


def _hidden(value: JSON, path: tuple[str, ...], digest: Digest) -> JSON:
    """In place: a schema with thousands of secrets would have each call copied thousands of times."""
    if not path:
        return f"[private:{digest(encode_document(value))}]"
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        for name in tuple(value) if step == _EACH else ({step} & value.keys()):
            value[name] = _hidden(value[name], rest, digest)
    elif isinstance(value, list) and step == _EACH:
        value[:] = [_hidden(item, rest, digest) for item in value]
    return value


def comparable(original: bytes, shown: bytes, digest: Digest) -> bytes:
    """Return compact JSON in which each text that lost something on the way from `original` to `shown` ends with
    a digest of what it was, so that equal ones are known as equal."""
    try:
        return encode_document(_comparable(parse(original), parse(shown), digest))
    except DocumentError:
        return shown


def _comparable(original: JSON, shown: JSON, digest: Digest) -> JSON:
    if isinstance(original, dict) and isinstance(shown, dict):
        return {
            name: _comparable(original[name], value, digest) if name in original else value
            for name, value in shown.items()
        }
    if isinstance(original, list) and isinstance(shown, list) and len(original) == len(shown):
        pairs = zip(original, shown, strict=True)
        return [_comparable(before, after, digest) for before, after in pairs]
    if isinstance(shown, str) and shown != original:
        return f"{shown}[digest:{digest(encode_document(original))}]"
    return shown
