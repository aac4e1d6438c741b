"""The keys that sign checkpoints: `checkpoint-keys.json` in the data directory, made at first use.

The newest signs. After a rotation the one before signs along, so that those who know only that one can
learn the new one from notes that both signed; `retire` ends that. Public halves stay for ever.
"""

import base64
import secrets
from pathlib import Path
from typing import Final, final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yett.audit.proof.note import ED25519, Checkpoint, VerifierKey, checkpoint_text, sign
from yett.core.errors import CommandError
from yett.storage.files import create_private, write_whole

KEYS_NAME: Final = "checkpoint-keys.json"
_ORIGIN: Final = "yett.local/log/"


@final
class _Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In base64. private: None once it is retired. since: seconds since 1970."""

    public: str
    private: str | None
    since: int


@final
class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """origin: the name of the log, random and for ever. keys: oldest first."""

    origin: str
    keys: tuple[_Key, ...]


@final
class SigningKeys:
    """A snapshot of the file. Reading makes nothing; `open_keys` does."""

    def __init__(self, path: Path) -> None:
        """Read it.

        Raises:
            CommandError: it is missing, unreadable, damaged, or others may read it.
        """
        self._path = path
        try:
            if path.stat().st_mode & 0o077:
                raise CommandError(f"Others may read the keys in `{path}`. Run `chmod 600 {path}`")
            file = msgspec.json.decode(path.read_bytes(), type=_File)
            self.origin: Final = file.origin
            self._keys = file.keys
            self._private = [
                Ed25519PrivateKey.from_private_bytes(base64.b64decode(key.private, validate=True))
                for key in self._keys
                if key.private is not None
            ]
        except FileNotFoundError as error:
            raise CommandError(
                f"there is no `{path}` yet: `yett up` makes the key that signs checkpoints"
            ) from error
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            raise CommandError(
                f"`{path}` cannot be used; restore it from a backup. What it signed is proved by its "
                "public keys, wherever you keep those"
            ) from error

    def sign(self, size: int, root: bytes) -> Checkpoint:
        """Return a checkpoint that every key in use has signed, newest first."""
        text = checkpoint_text(self.origin, size, root)
        lines = (sign(text, self.origin, private) for private in reversed(self._private))
        return Checkpoint(self.origin, size, root, f"{text}\n{''.join(lines)}")

    def verifiers(self) -> tuple[VerifierKey, ...]:
        """Return all that ever signed, newest first."""
        return tuple(
            VerifierKey(self.origin, ED25519, base64.b64decode(key.public))
            for key in reversed(self._keys)
        )

    def in_use(self) -> int:
        """Return how many of the newest sign."""
        return len(self._private)

    def rotate(self, now: float) -> None:
        """Begin to sign with a new key; of the older ones only the newest signs along.

        Raises:
            OSError: it cannot be written; nothing changed.
        """
        older = [_without_private(key) for key in self._keys[:-1]]
        self._write((*older, *self._keys[-1:], _new_key(now)))

    def retire(self) -> int:
        """Forget the private half of every key but the newest; return how many those were.

        Raises:
            OSError: it cannot be written; nothing changed.
        """
        count = len(self._private) - 1
        self._write((*map(_without_private, self._keys[:-1]), self._keys[-1]))
        return count

    def _write(self, keys: tuple[_Key, ...]) -> None:
        write_whole(self._path, msgspec.json.encode(_File(self.origin, keys)), mode=0o600)


def open_keys(data: Path, now: float) -> SigningKeys:
    """Read the keys, or make the first one.

    Raises:
        CommandError: they cannot be read.
        OSError: they cannot be made.
    """
    path = data / KEYS_NAME
    if not path.exists():
        origin = f"{_ORIGIN}{secrets.token_hex(8)}"
        create_private(path, msgspec.json.encode(_File(origin, (_new_key(now),))))
    return SigningKeys(path)


def _new_key(now: float) -> _Key:
    private = Ed25519PrivateKey.generate()
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    return _Key(public, base64.b64encode(private.private_bytes_raw()).decode(), int(now))


def _without_private(key: _Key) -> _Key:
    return msgspec.structs.replace(key, private=None)
