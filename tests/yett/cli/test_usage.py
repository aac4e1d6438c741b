"""`yett usage`, with and without a gate that runs."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from yett.cli.root import root
from yett.core.clock import SystemClock
from yett.limits import LimitsState
from yett.limits.build import open_state
from yett.limits.demand import AccountDemand

CONFIGURATION = """
limits:
  every_key: {budget: 10 USD/day}
  keys:
    server: {budget: 1 USD/total}
roles:
  reader: []
"""


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Path:
    (tmp_path / "yett.yaml").write_text(CONFIGURATION)
    return tmp_path


def run(place: Path, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(
        root, [*arguments, "--config", str(place / "yett.yaml"), "--data", str(place / "data")]
    )
    assert result.exit_code == code, result.output
    return result.output


def rows(place: Path, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(place, "usage", "--json", *arguments).splitlines()]


def create(place: Path, name: str) -> str:
    return str(json.loads(run(place, "key", "create", name, "--role", "reader", "--json"))["id"])


def spend(state: LimitsState, account: str, micros: int) -> None:
    purse = state.ledger.purse([AccountDemand(account)], "server/tool")
    purse.reserve(f"call of {account}", micros, time.time())
    state.ledger.keep(f"call of {account}")


def test_without_keys_there_is_nothing_to_show(place: Path) -> None:
    assert run(place, "usage").startswith("no keys yet; `yett key create")


def test_a_key_that_never_called_has_spent_nothing(place: Path) -> None:
    create(place, "server")

    (row,) = rows(place)

    assert row["spent"] == "0 USD"
    assert row["budget"] == "1 USD/total"
    assert row["remaining"] == "1 USD"
    assert row["resets_at"] is None
    assert not (place / "data" / "ledger").exists()


def test_it_shows_what_is_spent_while_the_ledger_is_held_and_after(place: Path) -> None:
    laptop, server = create(place, "laptop"), create(place, "server")
    clock = SystemClock()
    state = open_state(place / "data", clock)
    for key, currency, micros in ((laptop, "USD", 2_000), (laptop, "EUR", 5), (server, "USD", 1)):
        spend(state, f"{currency} key {key}", micros)
    held = rows(place)
    state.close()

    assert rows(place) == held
    assert [(row["key"], row["spent"], row["remaining"]) for row in held] == [
        ("laptop", "0.000005 EUR", None),
        ("laptop", "0.002 USD", "9.998 USD"),
        ("server", "0.000001 USD", "0.999999 USD"),
    ]
    assert held[1]["resets_at"].endswith("T00:00:00Z")
    assert held[1]["spent_month"] == "0.002 USD"
    assert [row["id"] for row in rows(place, "--key", "server")] == [server]
    table = run(place, "usage", "--key", laptop)
    assert "0.002 USD" in table
    assert "server" not in table


def test_a_revoked_key_is_shown_if_it_cost_something(place: Path) -> None:
    old, idle = create(place, "old"), create(place, "idle")
    clock = SystemClock()
    state = open_state(place / "data", clock)
    spend(state, f"USD key {old}", 7)
    state.close()
    for key in (old, idle):
        run(place, "key", "revoke", key)

    assert [row["id"] for row in rows(place)] == [old]
    assert [row["id"] for row in rows(place, "--key", idle)] == [idle]


def test_a_key_that_is_not_there_is_a_clear_sentence(place: Path) -> None:
    assert "nobody" in run(place, "usage", "--key", "nobody", code=1)


def test_a_damaged_ledger_is_a_clear_sentence(place: Path) -> None:
    (place / "data" / "ledger").mkdir(parents=True)
    (place / "data" / "ledger" / "journal").write_bytes(b"damage\n")

    assert "is damaged at line 1" in run(place, "usage", code=2)
