from collections.abc import Sequence

import pytest

from yett.catalogue.entries import find_entry, program_of, shipped_entries

ENTRIES = shipped_entries()


def test_the_shipped_entries_are_there_and_fit_their_file_names() -> None:
    assert {entry.name for entry in ENTRIES} >= {
        "mcp-server-fetch",
        "mcp-server-git",
        "mcp-server-sqlite",
        "mcp-server-time",
        "yett-demo-notes",
    }
    programs = [program for entry in ENTRIES for program in entry.programs]
    assert len(programs) == len(set(programs))


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["mcp-server-git", "--repository", "."], "mcp-server-git"),
        (["/opt/venv/bin/mcp-server-git"], "mcp-server-git"),
        (["uvx", "mcp-server-time"], "mcp-server-time"),
        (["/usr/bin/uvx", "mcp-server-time==2026.10.19"], "mcp-server-time"),
        (["uvx", "mcp-server-time@latest", "--local-timezone", "UTC"], "mcp-server-time"),
        (["pipx", "run", "mcp-server-time"], "mcp-server-time"),
        (["uv", "run", "mcp-server-time"], "mcp-server-time"),
        (["uv", "tool", "run", "mcp-server-time"], "mcp-server-time"),
        (["uv", "run", "python", "-m", "mcp_server_time"], "mcp-server-time"),
        (["python", "-m", "mcp_server_time"], "mcp-server-time"),
        (["/venv/bin/python3.11", "-I", "-u", "-m", "mcp_server_git"], "mcp-server-git"),
        (["python3", "-m", "yett.assurance.notes"], "yett-demo-notes"),
    ],
)
def test_an_entry_is_found_by_what_the_command_starts(command: Sequence[str], name: str) -> None:
    entry = find_entry(command, ENTRIES)
    assert entry is not None
    assert entry.name == name


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["uvx"],
        ["python"],
        ["python", "-m"],
        ["uvx", "--from", "evil", "mcp-server-git"],
        ["uvx", "git+https://example.org/mcp-server-git"],
        ["uvx", "evil/mcp-server-git"],
        ["npx", "mcp-server-git"],
        ["sh", "-c", "mcp-server-git"],
        ["python", "evil.py", "-m", "mcp_server_git"],
        ["python", "-c", "evil", "-m", "mcp_server_git"],
        ["evil", "mcp-server-git"],
        ["env", "X=1", "mcp-server-git"],
        ["mcp-server-git2"],
        ["MCP-SERVER-GIT"],
    ],
)
def test_what_only_looks_like_a_known_server_gets_no_entry(command: Sequence[str]) -> None:
    assert find_entry(command, ENTRIES) is None


def test_an_entry_gives_each_tool_its_class() -> None:
    entry = find_entry(["mcp-server-git"], ENTRIES)
    assert entry is not None
    assert entry.classes()["git_log"] == "read"
    assert entry.classes()["git_commit"] == "write"
    assert program_of(["uvx", "mcp-server-time>=1"]) == "mcp-server-time>=1"
