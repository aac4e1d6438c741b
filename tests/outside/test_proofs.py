"""A gate signs its log while it runs; what it signed convicts whoever cuts, edits or replaces the log later."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.outside.gate import Gate, running
from tests.outside.upstream import serving, tool, wait_until
from yett.audit.proof import standalone


@pytest.fixture(name="gate")
def _gate(tmp_path: Path) -> Gate:
    (tmp_path / "elsewhere").mkdir()
    return Gate(tmp_path, "")


def test_what_a_gate_signed_is_proved_without_it(gate: Gate, tmp_path: Path) -> None:
    with serving(tool("look")) as rec:
        gate.configure(
            f"servers: {{rec: {{url: {rec.url}}}}}\n"
            'roles: {worker: ["rec.*:read"]}\n'
            "audit: {checkpoints: {every: 1s, to: [{directory: elsewhere}]}}\n"
        )
        worker = gate.key("worker", "worker")
        with running(gate):
            answer = gate.execute("rec", "look", worker, word="x")
            key = gate.yett("audit", "key").strip()
            copies = tmp_path / "elsewhere"
            time.sleep(1.5)
            gate.yett("audit", "checkpoint")  # whether the gate did so meanwhile or not
            proof = gate.yett("audit", "prove", answer.request_id)
    proved = standalone.check_proof(proof, standalone.read_key(key))
    assert proved.count("ok record") == 2  # intent and outcome
    assert answer.request_id in proved
    log = gate.data / "audit"
    check = [sys.executable, "-I", "-S", standalone.__file__, str(log), "--key", key, "--checkpoint", str(copies)]  # fmt: skip
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    last = gate.yett("audit", "verify").split("newest up to ")[1].strip()
    assert (
        done.stdout == f"ok {last} lines, signed up to {last}\n"
    )  # what was written at the end, too

    [segment] = log.glob("segment-*.jsonl")
    good = segment.read_bytes()
    for path in (log / "head", *log.glob("checkpoints-*.txt")):
        path.unlink()
    segment.write_bytes(b"".join(good.splitlines(keepends=True)[:-1]))

    cut = gate.run("audit", "verify")

    assert cut.returncode == 1
    assert "elsewhere says the log had" in cut.stdout
    assert subprocess.run(check, capture_output=True, check=False).returncode == 1


def test_a_place_that_vanishes_is_an_alert_and_calls_go_on(gate: Gate, tmp_path: Path) -> None:
    gate.configure(
        "roles: {reader: []}\naudit: {checkpoints: {every: 1s, to: [{directory: elsewhere}]}}\n"
    )
    with running(gate):
        (tmp_path / "elsewhere").rename(tmp_path / "gone")
        gate.key("one")  # so that there is something to sign
        wait_until(lambda: gate.events("checkpoint.failed"), 10)
        [failed] = gate.events("checkpoint.failed")
        assert failed["details"]["alert"] == "high"
        assert failed["details"]["place"].endswith("elsewhere")
        assert gate.is_ready()
        (tmp_path / "gone").rename(tmp_path / "elsewhere")
        wait_until(lambda: gate.events("checkpoint.resumed"), 10)
