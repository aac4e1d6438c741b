"""A copy of the record reaches the places that the configuration names, whole and verifiable, whatever happens
meanwhile to them and to the gate; and no call waits for them."""

import json
import time
from pathlib import Path

from tests.outside.gate import Gate, running
from tests.outside.upstream import serving, tool, wait_until
from tests.receivers import Collector, Hook, authority, collector, hook
from yett.audit.chain import unseal


def lines_of(gate: Gate) -> list[bytes]:
    log = sorted((gate.data / "audit").glob("segment-*.jsonl"))
    return [line for path in log for line in path.read_bytes().splitlines()]


def at_collector(there: Collector) -> list[bytes]:
    return [message.split(b" record - ", 1)[1] for message in there.got]


def at_hook(there: Hook) -> list[bytes]:
    return [line for one in there.got for line in one.body.splitlines()]


def ids_of(events: list[bytes]) -> set[str]:
    """What the gate calls its records, of events of OCSF."""
    found = map(json.loads, events)
    return {event["metadata"]["uid"] for event in found if event["class_uid"] == 6003}


def without_repetitions(lines: list[bytes]) -> list[bytes]:
    return list(dict.fromkeys(lines))


def test_two_places_have_all_of_it_after_outages_and_a_kill(tmp_path: Path) -> None:
    known = authority(tmp_path)
    with (
        serving(tool("look")) as server,
        collector(known.context) as siem,
        hook(known.context) as lake,
        hook(known.context) as schema,
    ):
        gate = Gate(
            tmp_path,
            f"servers: {{notes: {{url: {server.url}}}}}\n"
            'roles: {reader: ["notes.*:read"]}\n'
            f"audit:\n  ship:\n"
            f"    siem: {{syslog: 'localhost:{siem.port}', ca: {known.ca.path}}}\n"
            f"    lake: {{https: 'https://localhost:{lake.port}/r', ca: {known.ca.path}, secret: 'secret:lake-key'}}\n"
            f"    schema: {{https: 'https://localhost:{schema.port}/', ca: {known.ca.path}, format: ocsf}}\n",
        )
        gate.yett("secret", "set", "lake-key", "--server", "audit", text="sixteen-letters-1")
        key = gate.key("one", "reader")
        with running(gate):
            for _ in range(5):
                assert gate.execute("notes", "look", key, word="a").status == 200
            assert gate.execute("notes", "unknown", key).status == 404
            lake.statuses.append(500)
            for _ in range(5):
                assert gate.execute("notes", "look", key, word="a").status == 200
            gate.kill()
            gate.start()
            assert gate.execute("notes", "look", key, word="a").status == 200
            wait_until(lambda: set(lines_of(gate)) <= set(at_collector(siem)), 15.0)
            wait_until(lambda: set(lines_of(gate)) <= set(at_hook(lake)), 15.0)
            ids = {record["id"] for record in gate.records()}
            wait_until(lambda: ids <= ids_of(at_hook(schema)), 15.0)

        assert {"Yett-Signature", "Yett-Timestamp"} <= set(lake.got[0].headers)
        for arrived in (at_collector(siem), at_hook(lake)):
            whole = without_repetitions(arrived)
            assert whole == lines_of(gate)[: len(whole)]
            assert all(unseal(line) for line in whole)


def test_a_place_that_is_away_is_seen_and_holds_no_call(tmp_path: Path) -> None:
    known = authority(tmp_path)
    with serving(tool("look")) as server, hook(known.context, drips=True) as slow:
        gate = Gate(
            tmp_path,
            f"servers: {{notes: {{url: {server.url}}}}}\n"
            'roles: {reader: ["notes.*:read"]}\n'
            f"audit: {{ship: {{slow: {{https: 'https://localhost:{slow.port}/', ca: {known.ca.path}}},"
            " nobody: {syslog: 'localhost:1'}}}\n",
        )
        key = gate.key("one", "reader")
        with running(gate):
            assert gate.execute("notes", "look", key, word="a").status == 200
            began = time.monotonic()
            assert gate.execute("notes", "look", key, word="a").status == 200
            assert time.monotonic() - began < 2.0, "a destination has ten seconds"
            wait_until(
                lambda: 'yett_ship_failures{destination="nobody"} 0.0' not in metrics(gate), 10
            )
            rows = {
                row["destination"]: row
                for row in map(json.loads, gate.yett("audit", "ship", "--json").splitlines())
            }
            shown = metrics(gate)

        assert rows["nobody"]["taken"] == rows["slow"]["taken"] == 0
        assert rows["nobody"]["behind"] >= len(lines_of(gate)) - 10
        assert rows["nobody"]["oldest"] is not None
        assert 'yett_ship_behind_records{destination="slow"}' in shown
        assert 'yett_ship_waiting_seconds{destination="nobody"}' in shown


def metrics(gate: Gate) -> str:
    return gate.admin("/metrics").body.decode()
