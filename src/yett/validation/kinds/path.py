"""`path`: a file or a folder that lies in one of the roots, however the server reads the text. Pure.

A path is refused unless it means the same to everybody (CWE-22, CWE-41, CWE-59): it is judged as it stands,
with its `%` decoded once, and with look-alike characters replaced; nothing is repaired, and what is
sent is what was judged. The roots are of POSIX; drives, shares and devices of Windows are never inside.
"""

import posixpath
import re
import unicodedata
from collections.abc import Callable
from typing import Final, final
from urllib.parse import unquote_to_bytes

from yett.core.target import Access
from yett.validation.config import PathArgument
from yett.validation.kinds.port import Unfit, WrongForm

Follow = Callable[[str], str]
"""Returns where a path leads after every link (`os.path.realpath`); reads the disk."""

_CHARS_MAX: Final = 4_096
_NAMES_MAX: Final = 128
_NAME_BYTES_MAX: Final = 255
_ENCODED: Final = re.compile(r"%[0-9A-Za-z%]|0x(?:2e|2f|5c)", re.IGNORECASE)
_SLASHES: Final = frozenset(
    "\\\N{FRACTION SLASH}\N{DIVISION SLASH}\N{BIG SOLIDUS}\N{FULLWIDTH SOLIDUS}\N{SET MINUS}"
    "\N{BOX DRAWINGS LIGHT DIAGONAL UPPER RIGHT TO LOWER LEFT}\N{REVERSE SOLIDUS OPERATOR}"
    "\N{BOX DRAWINGS LIGHT DIAGONAL UPPER LEFT TO LOWER RIGHT}\N{BIG REVERSE SOLIDUS}"
    "\N{SMALL REVERSE SOLIDUS}\N{FULLWIDTH REVERSE SOLIDUS}\N{COMBINING LONG SOLIDUS OVERLAY}"
    "\N{COMBINING SHORT SOLIDUS OVERLAY}\N{YEN SIGN}\N{WON SIGN}"
)
"""A yen and a won are the backslash of code pages of old."""

_NOT_IN_NAMES: Final = re.compile(r"[<>:\"|?*`]|\$[({]|^\$|^~")
"""No file system of Windows takes these, shells expand them, or they name a drive, stream or scheme."""

_DEVICE: Final = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9¹²³])(?:[.].*)?", re.IGNORECASE
)
_DEVICE_ROOTS: Final = ("/dev", "/proc", "/sys")
_ORDINARY: Final = re.compile(r"/?(?:\w++(?:[.-]\w++)*+(?:/|$))++", re.ASCII)
_TRAP: Final = re.compile(
    rf"(?:^|/){_DEVICE.pattern.removesuffix('(?:[.].*)?')}(?:[./]|$)|{_ENCODED.pattern}|(?:^|/)etc/",
    re.IGNORECASE,
)
"""What an ordinary path may still be: a device, a spelling of a dot or a slash, a secret of the system."""

_HIDDEN: Final = frozenset(
    {
        ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".netrc", ".pgpass", ".my.cnf", ".npmrc",
        ".pypirc", ".git-credentials", ".htaccess", ".htpasswd", ".user.ini", ".bash_history", ".env",
    }
)  # fmt: skip
_SYSTEM: Final = re.compile(r"(?:^|/)etc/(?:passwd|shadow|gshadow|sudoers)(?:$|/)", re.IGNORECASE)


@final
class PathGuard:
    """follow: None if the roots are of another machine.

    Raises:
        ValueError: one of the roots is not an absolute folder without `..`.
    """

    __slots__ = ("_fold", "_follow", "_hidden", "_relative", "_roots")

    def __init__(self, options: PathArgument, follow: Follow | None) -> None:
        self._fold: Callable[[str], str] = str.casefold if options.ignore_case else str
        self._roots = tuple(self._fold(_normal_root(root)) for root in options.roots)
        self._relative = options.relative
        self._hidden = options.hidden
        self._follow = follow

    def check(self, value: str, access: Access) -> str:
        """Raises:
        WrongForm: it is empty or too long for a path.
        Unfit: it does not certainly lie in one of the roots.
        """
        del access
        if not value or len(value) > _CHARS_MAX or value.count("/") > _NAMES_MAX:
            raise WrongForm("is no path: it is empty or too long")
        if _is_ordinary(value):  # nearly every path, and all there is to know of it
            self._judge_place(value)
        else:
            for reading in _readings(value):
                self._judge(reading)
        if self._follow is not None:
            self._judge_links(value, self._follow)
        return value

    def _judge(self, path: str) -> None:
        if path.startswith(("-", "//")):
            raise Unfit("begins like an option or a network share")
        names = path.split("/")
        for name in names:
            _judge_name(name, hidden=self._hidden)
        if not self._hidden and _SYSTEM.search(path):
            raise Unfit("names a file that holds secrets")
        self._judge_place(path)

    def _judge_place(self, path: str) -> None:
        if not path.startswith("/"):
            if not self._relative:
                raise Unfit("is not absolute")
            return
        clean = self._fold(posixpath.normpath(path))
        if not any(_is_in(clean, root) for root in self._roots):
            raise Unfit("lies outside of the folders that are allowed")
        for device in _DEVICE_ROOTS:
            if _is_in(clean, device) and not any(_is_in(root, device) for root in self._roots):
                raise Unfit("names a device or a process")

    def _judge_links(self, path: str, follow: Follow) -> None:
        """A relative path must stay inside whichever root it is meant from."""
        starts = (path,) if path.startswith("/") else [f"{root}/{path}" for root in self._roots]
        for start in starts:
            try:
                leads_to = self._fold(follow(start))
                roots = [self._fold(follow(root)) for root in self._roots]
            except (OSError, ValueError):
                raise Unfit("cannot be followed to where it leads") from None
            if not any(_is_in(leads_to, root) for root in roots):
                raise Unfit("leads outside of the folders that are allowed, over a link")


def _is_ordinary(path: str) -> bool:
    """Tell whether there is one way to read a path, and none of its names means anything but a file."""
    short = len(path) <= _NAME_BYTES_MAX
    return short and _ORDINARY.fullmatch(path) is not None and _TRAP.search(path) is None


def _readings(value: str) -> tuple[str, ...]:
    """Return every way in which the text may be read, each once."""
    plain = unicodedata.normalize("NFKC", value)
    return tuple(dict.fromkeys((value, _decoded(value), plain, _decoded(plain))))


def _decoded(text: str) -> str:
    """Decode `%` once.

    Raises:
        Unfit: it could be decoded again, or is no UTF-8.
    """
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise Unfit("has `%` that decodes to no text") from None
    if _ENCODED.search(decoded):
        raise Unfit("is encoded twice, or in a way that nobody should need")
    return unicodedata.normalize("NFKC", decoded)


def _judge_name(name: str, *, hidden: bool) -> None:
    if name in ("", "."):
        return
    if not name.isprintable() or not _SLASHES.isdisjoint(name):
        raise Unfit("has a control character, or a separator other than `/`")
    if _NOT_IN_NAMES.search(name):
        raise Unfit("has a character that names a drive, a stream, a pattern or a variable")
    if name.endswith((".", " ")) or name.startswith(" ") or _climbs(name):
        raise Unfit("has `..`, or a name with a dot or a space at its end")
    if _DEVICE.fullmatch(name):
        raise Unfit("names a device")
    if not hidden and name.casefold() in _HIDDEN:
        raise Unfit("names a file that holds secrets or that programs obey")
    if len(name.encode(errors="surrogatepass")) > _NAME_BYTES_MAX:
        raise Unfit("has a name that is too long")


def _climbs(name: str) -> bool:
    """Tell whether a name without its decoration could be `..`: `..;a=b` is, to some servers."""
    return ".." in name and not name.partition(";")[0].replace("_", "").strip(".,;'!&#@=+~^-()[]{}")


def _normal_root(root: str) -> str:
    if not root.startswith("/") or ".." in root.split("/"):
        raise ValueError("a root is an absolute folder such as /srv/data, without `..`")
    return f"/{posixpath.normpath(root).lstrip('/')}"


def _is_in(path: str, root: str) -> bool:
    return path == root or path.startswith(root if root == "/" else f"{root}/")
