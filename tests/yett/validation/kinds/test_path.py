"""A path that passes lies in a root, however it is read (CWE-22, CVE-2025-53109, CVE-2025-53110)."""

import ntpath
import posixpath
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.yett.validation.kinds.judging import refusal, takes
from yett.validation.config import PathArgument

DATA = PathArgument(roots=("/srv/data", "/srv/more/"))


@pytest.mark.parametrize(
    "path",
    [
        "a.txt", "report.v1.2.tar.gz", ".gitignore", "a..b", "..hidden", "a/..b/c", "./a", "a//b", ".",
        "/srv/data", "/srv/data/", "/srv/data/a/b.c", "/srv//data/x", "/srv/more/x", "100%.pdf",
        "50% off.txt", "a b.txt", "a%20b.txt", "größe.txt", "日本語/ファイル.txt", "A$B.class", "[id].tsx",
        "it's.txt", "C++/x.c", "a#b", "a@b", "a;b=c", "console.log", "nullable.py", "community.md",
    ],
)  # fmt: skip
def test_ordinary_names_pass(path: str) -> None:
    assert takes(DATA, path)


@pytest.mark.parametrize(
    "path",
    [
        # up, by every spelling
        "..", "../x", "a/../b", "a/..", "/srv/data/../x", "/srv/data/a/../../x", "a\\..\\x", "..\\x",
        "%2e%2e/x", "%2E%2E%2Fx", "..%2fx", "..%5cx", "%252e%252e%252fx", "%25252e", "%%32%65", "%u002e%u002e/x",
        "%c0%ae%c0%ae/x", "%e0%80%ae/x", "..%c0%af", "..%ff", "%uff0e", "0x2e0x2e/x", "．．/x", "‥/x", "..／x",
        "..∕x", "..⁄x", "a⧵b", "％2e％2e％2fx", "..;/x", "..;a=b/x", "....//x", "..././x", ".../x", ". ./x",
        ".. /x", " ../x", "../", "..%00/x", "..\0/x", "..\n/x", "a\u202e/x",
        # elsewhere
        "/", "/etc/passwd", "//host/share", "///etc/passwd", "/srv", "/srv/data-evil/x", "/srv/datax",
        "/SRV/data/x", "\\\\host\\share", "\\\\?\\C:\\x", "C:\\x", "C:/x", "c:x", "file:///etc/passwd",
        "http://x/y", "php://filter/x", "jar:x", "~", "~/x", "~root/x", "$HOME/x", "${HOME}/x", "$(id)",
        "`id`", "%APPDATA%/x", "%USERPROFILE%", "*", "a?", "a|b", "-rf", "--output=x",
        # names that are none
        "con", "CON.txt", "a/nul", "aux.c", "COM1", "lpt¹", "conin$", "x.txt::$DATA", "x:stream", "a.", "a ", "a./b",
        # secrets and what programs obey
        ".ssh/id_rsa", "a/.SSH/x", ".htaccess", ".env", "etc/passwd", "a/etc/shadow",
        # no path at all
        "", "x" * 5_000, "a/" + "x" * 256, "a/" * 129,
    ],
)  # fmt: skip
def test_everything_that_may_lead_elsewhere_is_refused(path: str) -> None:
    assert not takes(DATA, path)


def test_devices_are_refused_even_below_the_root_of_all() -> None:
    everything = PathArgument(roots=("/",))

    assert takes(everything, "/srv/x")
    assert not takes(everything, "/dev/mem")
    assert not takes(everything, "/proc/self/environ")
    assert takes(PathArgument(roots=("/dev/shm",)), "/dev/shm/x")


def test_options_are_what_they_say() -> None:
    assert not takes(PathArgument(roots=("/srv",), relative=False), "a")
    assert takes(PathArgument(roots=("/srv",), relative=False), "/srv/a")
    assert takes(PathArgument(roots=("/Srv",), ignore_case=True), "/sRV/A")
    assert takes(PathArgument(roots=("/srv",), hidden=True), ".ssh/config")


def test_links_are_followed_where_the_files_are_here(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root, outside):
        folder.mkdir()
        (folder / "file").write_text("x")
    (root / "out").symlink_to(outside)
    (root / "in").symlink_to(root / "file")
    (root / "round").symlink_to(root / "round")
    here = PathArgument(roots=(str(root),), resolve=True)

    assert takes(here, str(root / "file"))
    assert takes(here, "in")
    assert takes(here, "new/file")
    for path in ("out", "out/file", str(root / "out" / "file")):
        found = refusal(here, path)
        assert "over a link" in str(found)
        assert takes(PathArgument(roots=(str(root),)), path)
    assert takes(here, "round")  # it leads nowhere, and nowhere else


NAMES = st.sampled_from(
    ["a", "b.c", "..", ".", "", "...", "%2e%2e", "％", "．．", "srv", "data", "data-evil", "..;", "%25", "C:"]
)  # fmt: skip
SEPARATORS = st.sampled_from(["/", "//", "\\", "%2f", "%5c", "／", "∕", "/./"])


@given(st.lists(st.tuples(SEPARATORS, NAMES | st.text(max_size=4)), max_size=8))
def test_what_passes_stays_below_a_root_by_every_reading(parts: list[tuple[str, str]]) -> None:
    for start in ("", "/srv/data", "a"):
        path = start + "".join(separator + name for separator, name in parts)
        if not takes(DATA, path):
            continue
        for read in (path, unquote(path), unquote(unquote(path))):
            whole = posixpath.normpath(posixpath.join("/srv/data", read))
            assert f"{whole}/".startswith(("/srv/data/", "/srv/more/"))
            drive, tail = ntpath.splitdrive(ntpath.normpath(ntpath.join("/srv/data", read)))
            assert not drive
            assert f"{tail}\\".startswith(("\\srv\\data\\", "\\srv\\more\\"))
