"""Only listed programs with fitting arguments, and never a shell (CVE-2025-68143, CVE-2026-39884)."""

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.yett.validation.kinds.judging import refusal, takes
from yett.validation.config import CommandArgument
from yett.validation.kinds.port import WrongForm

GIT = CommandArgument(
    programs={"git": ("status", "log", "--oneline", "-n[0-9]+", "[A-Za-z0-9./_-]+", ".*"), "true": ()}
)  # fmt: skip
LINE = CommandArgument(programs=GIT.programs, line=True)
LOOSE = CommandArgument(programs={"echo": (".*",)}, plain=False)


@pytest.mark.parametrize(
    "words",
    [["git"], ["git", "status"], ["git", "log", "--oneline", "-n3", "main..HEAD"], ["true"]],
)
def test_what_is_listed_passes(words: list[str]) -> None:
    assert takes(GIT, words)
    assert takes(LINE, words)
    assert takes(LINE, " ".join(words))
    assert not takes(GIT, " ".join(words))


@pytest.mark.parametrize(
    "words",
    [
        [], ["sh"], ["/usr/bin/git"], ["./git"], ["git "], ["GIT"], [""], ["git;id"], ["true", "x"],
        ["git", "--upload-pack=id"], ["git", "-oProxyCommand=id"], ["git", "-n3x"], ["git", "--"], ["git", "-"],
        ["git", "—exec"], ["git", "log\nid"], ["git", "log\0"], ["git", "; id"], ["git", "$(id)"], ["git", "`id`"],
        ["git", "a b"], ["git", "a --exec=id"], ["git", "a|b"], ["git", "a>b"], ["git", "*"], ["git", "~"],
        ["git", "$HOME"], ["git", "{a,b}"], ["git", "a\\b"], ["git", "'a'"], ["git", "!x"], ["git", "#x"],
        ["git", "=ls"], ["git", ""], ["git"] * 300,
    ],
    ids=repr,
)  # fmt: skip
def test_everything_else_is_refused(words: list[str]) -> None:
    assert not takes(GIT, words)
    assert not takes(LINE, words)


@pytest.mark.parametrize(
    "line",
    ["", " ", "git  log", " git", "git ", "git\tlog", "git log;id", "git log\nid", "X=1 git", "git 'log'", "git log # x"],
)  # fmt: skip
def test_a_line_is_read_only_if_every_shell_reads_the_same(line: str) -> None:
    assert not takes(LINE, line)


@given(
    st.text(
        st.sampled_from("git log-ae1./=:@%^*?!$&|;<>(){}[]#~'\"`\\\n\t") | st.characters(),
        max_size=20,
    )
)
def test_a_line_that_passes_is_split_by_a_shell_as_it_is_here(text: str) -> None:
    options = CommandArgument(programs={"git": ("-?[^\n]*",)}, line=True)
    for line in (text, f"git {text}"):
        if takes(options, line):
            assert shlex.split(line) == line.split(" ")
            assert not any(character in line for character in "$`*?[]{}~!;&|<>()#\\'\"")


@pytest.mark.parametrize("value", ["git", 7, {"git": 1}, ["git", 7], ["git", ["log"]], True])
def test_what_is_no_list_of_texts_has_the_wrong_form(value: Any) -> None:
    assert isinstance(refusal(GIT, value), WrongForm)


def test_the_operator_may_leave_it_to_the_patterns() -> None:
    assert takes(LOOSE, ["echo", "what & why?"])
    assert not takes(LOOSE, ["echo", "-n"])
    assert not takes(LOOSE, ["echo", "a\nb"])


def test_it_is_said_which_word_is_wrong() -> None:
    found = refusal(GIT, ["git", "log", "; id"])

    assert found is not None
    assert found.within == ("2",)
    assert str(found) == "has a character that shells read in their own way"
