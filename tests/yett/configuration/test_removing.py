"""Taking things out of yett.yaml: comments and everything else stay, and nothing else changes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yett.configuration.load import load_text
from yett.configuration.removing import remove_entry, remove_items
from yett.configuration.server_edits import with_servers, without_server
from yett.core.errors import CommandError

DATA = Path("/nowhere/.yett")

FILE = """\
# top
mode: development   # for now
servers:  # note: all of them
  # about a
  a:   # the first
    command: [a]  # here: a
    env:
      X: "1"
      # Y: "2"

  # about b
  b: {url: "https://b.example/mcp"}
  c:
    command:
      - c
      - --flag
roles:
  # readers
  reader: ["a.*:read", "b.*:read"]   # two
  only-a: [a.*:read]
  listed:
    - a.*:read  # gone with it
    # stays
    - b.x:write
"""


def test_an_entry_goes_with_its_own_comments_and_leaves_those_of_others() -> None:
    after = without_server(FILE, "yett.yaml", "a", grants=True, data=DATA)

    assert (
        after
        == """\
# top
mode: development   # for now
servers:  # note: all of them
  # about a

  # about b
  b: {url: "https://b.example/mcp"}
  c:
    command:
      - c
      - --flag
roles:
  # readers
  reader: ["b.*:read"]   # two
  only-a: []
  listed:
    # stays
    - b.x:write
"""
    )


def test_the_last_entry_leaves_an_empty_mapping_behind_its_own_colon() -> None:
    text = "servers:  # a: b\n  one:\n    command: [x]\nroles:\n  r:\n    - one.*:read\n"

    after = without_server(text, "yett.yaml", "one", grants=True, data=DATA)

    assert after == "servers: {}  # a: b\nroles:\n  r: []\n"
    again = with_servers(after, "yett.yaml", {"two": {"command": ["q"]}}, data=DATA)
    assert list(load_text(again, "yett.yaml").servers) == ["two"]


@pytest.mark.parametrize("gone", ["a", "b", "c"])
@pytest.mark.parametrize(
    "text",
    [
        "servers: {a: {command: [p]}, b: {command: [q]}, c: {command: [r]}}\n",
        "servers: {\n  a: {command: [p]},\n  b: {command: [q]},\n  c: {command: [r]},\n}\n",
        "servers:\n  a: {command: [p]}\n  b: {command: [q]}\n  c: {command: [r]}",
        "servers:\r\n  a: {command: [p]}\r\n  b: {command: [q]}\r\n  c: {command: [r]}\r\n",
    ],
)
def test_every_layout_loses_exactly_one(text: str, gone: str) -> None:
    after = load_text(without_server(text, "yett.yaml", gone, grants=False, data=DATA), "yett.yaml")

    assert list(after.servers) == [name for name in "abc" if name != gone]


@given(gone=st.sets(st.sampled_from("abcde")), flow=st.booleans())
def test_any_items_can_go_from_any_list(gone: set[str], *, flow: bool) -> None:
    names = list("abcde")
    text = (
        "roles:\n  r: [" + ", ".join(names) + "]\n"
        if flow
        else "roles:\n  r:\n" + "".join(f"    - {name}\n" for name in names)
    )

    after = remove_items(text, "roles", lambda name: name in gone)

    kept = [name for name in names if name not in gone]
    words = after.replace("[", " ").replace("]", " ").replace(",", " ").replace("-", " ").split()
    assert words == ["roles:", "r:", *kept]


def test_what_is_not_there_changes_nothing() -> None:
    assert remove_entry(FILE, "limits", "a") == FILE
    assert remove_entry(FILE, "mode", "a") == FILE
    assert remove_items("roles: {}\n", "roles", lambda _: True) == "roles: {}\n"
    assert remove_items("", "roles", lambda _: True) == ""


def test_a_file_in_braces_and_a_broken_one_are_not_touched() -> None:
    with pytest.raises(CommandError, match="cannot be edited"):
        remove_entry("{servers: {a: {}}}", "servers", "a")
    with pytest.raises(CommandError, match="yett check"):
        remove_entry("servers: [", "servers", "a")


def test_grants_are_taken_out_only_when_asked() -> None:
    with pytest.raises(CommandError, match=r"`reader`, `only-a`, `listed`.*--with-grants"):
        without_server(FILE, "yett.yaml", "a", grants=False, data=DATA)


def test_an_unknown_server_is_told_with_those_that_exist() -> None:
    with pytest.raises(CommandError, match="There are: a, b, c"):
        without_server(FILE, "yett.yaml", "x", grants=False, data=DATA)


def test_a_name_that_is_taken_is_not_replaced() -> None:
    with pytest.raises(CommandError, match="already"):
        with_servers(FILE, "yett.yaml", {"a": {"command": ["x"]}}, data=DATA)
