"""What several gates share is said in full, without a secret, and over connections that nobody reads."""

from pathlib import Path

import pytest

from yett.configuration.load import load_text
from yett.core.errors import ConfigurationError

BOTH = """
storage: {url: "postgresql://yett@db.example.com/yett", password: "file:/run/secrets/db", ca: db.pem}
counters: {url: "valkeys://c.example.com", password: "file:/run/secrets/counters", replicas: 1}
node: gate-1
"""


def problems(text: str, tmp_path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_text(text, str(tmp_path / "yett.yaml"))
    return "\n".join(map(str, caught.value.problems))


def test_both_can_be_one_line_or_a_section(tmp_path: Path) -> None:
    long = load_text(BOTH, str(tmp_path / "yett.yaml"))
    assert getattr(long.storage, "ca", None) == str(tmp_path / "db.pem")

    short = load_text(
        "storage: postgresql://127.0.0.1/yett\ncounters: redis://127.0.0.1\n",
        str(tmp_path / "yett.yaml"),
    )
    assert (short.storage, short.counters) == ("postgresql://127.0.0.1/yett", "redis://127.0.0.1")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("storage: postgresql://127.0.0.1/yett", "only one of `storage` and `counters`"),
        ("counters: redis://127.0.0.1", "only one of `storage` and `counters`"),
        (BOTH.replace("yett@db", "yett:hunter2@db"), "holds a password"),
        (BOTH.replace("valkeys:", "valkey:"), "plain beyond this machine"),
        (BOTH.replace("file:/run/secrets/db", "secret:db"), "password"),
        (BOTH.replace("file:/run/secrets/db", "hunter2"), "password"),
        (BOTH.replace("gate-1", "gate 1"), "node"),
        ("mode: production\n" + BOTH.replace("file:/run/secrets/db", "env:DB"), "environment"),
    ],
)
def test_what_makes_no_sense_or_is_not_safe_is_refused(text: str, why: str, tmp_path: Path) -> None:
    found = problems(text, tmp_path)

    assert why in found
    assert "hunter2" not in found
