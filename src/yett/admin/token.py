"""The operator's credential: a random token in a file that only the gate's user can read."""

import hmac
import secrets
from pathlib import Path
from typing import Final

from yett.core.errors import CommandError
from yett.core.secret import Secret
from yett.storage.files import create_private

TOKEN_FILE: Final = "admin-token"  # noqa: S105 - the name of the file
_OTHERS: Final = 0o077


def open_token(data: Path) -> Secret:
    """Return the token in `data/admin-token`; make it at first use.

    Raises:
        CommandError: others can read the file, or what it holds is no token of ours.
    """
    path = data / TOKEN_FILE
    if not path.exists():
        create_private(path, f"yett_admin_{secrets.token_urlsafe(32)}\n".encode())
    return _read(path)


def _read(path: Path) -> Secret:
    if path.stat().st_mode & _OTHERS:
        raise CommandError(f"Others can read `{path}`. Run `chmod 600 {path}`")
    text = path.read_text(encoding="ascii").strip()
    if not text.startswith("yett_admin_") or len(text) < len("yett_admin_") + 32:
        raise CommandError(f"`{path}` holds no admin token. Delete it; the next start makes one")
    return Secret(text)


def matches(token: Secret, authorization: str | None) -> bool:
    """Whether an `Authorization` header carries the token; compared in constant time."""
    scheme, _, given = (authorization or "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.reveal())
