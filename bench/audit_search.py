"""How long a search takes in a long log: makes one of N records, indexes it, and asks.

    python bench/audit_search.py [--records 10000000] [--directory DIR]

Prints how fast the index is made, how large it is, and for each question the time of the whole command, process
start included (minimum and maximum over its repeats), with `pass` or `miss` (1 s). The log is kept if DIR is given.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from yett.audit.chain import seal

SEGMENT_BYTES = 64 * 1024 * 1024
LIMIT_SECONDS = 1.0
SERVERS = ("github", "files", "mail", "sql", "time", "wiki", "crm", "tickets")
TOOLS = ("read_file", "search", "list_items", "send_message", "query", "create_issue", "fetch")
TENANTS = ("acme", "globex", "initech", "umbrella", "hooli")
WORDS = (
    "report", "quarter", "invoice", "customer", "meeting", "agenda", "deploy", "cluster",
    "password", "reset", "budget", "forecast", "release", "branch", "merge", "ticket",
    "escalate", "refund", "order", "shipment", "warehouse", "printer", "vacation", "contract",
)  # fmt: skip
START = 1_780_000_000


def stamp(seconds: float) -> str:
    return (
        time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1e6):06d}Z"
    )


class Writer:
    """Segments with a chain, as the gate writes them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.sequence = 0
        self.chain = os.urandom(32)
        self.parts: list[bytes] = []
        self.size = 0
        self.now: float = START
        self.begin()

    def begin(self) -> None:
        self.name = f"segment-{self.sequence + 1:012d}.jsonl"
        before = f'"previous_sequence":{self.sequence},"previous_chain":"{self.chain.hex()}"'
        self.add(f'"at":"{stamp(self.now)}","kind":"segment","node":"n","format":2,{before}')

    def add(self, members: str) -> int:
        self.sequence += 1
        line, self.chain = seal(self.sequence, self.chain, members)
        self.parts.append(line)
        self.size += len(line)
        return self.sequence

    def end(self) -> None:
        (self.directory / self.name).write_bytes(b"".join(self.parts))
        self.parts, self.size = [], 0


def generate(directory: Path, records: int) -> None:
    """One call in ten is refused; callers, tools and tenants are of different weight; some words are rare."""
    chance = random.Random(7)
    keys = [(f"k{number:05d}", f"agent-{number}", chance.choice(TENANTS)) for number in range(400)]
    origin = '"node":"gate-1","door":"mcp","protocol":"2025-11-25","method":"tools/call","peer":"10.0.0.7"'
    writer = Writer(directory)
    for number in range(records):
        at = writer.now = START + number * 0.7
        key, name, tenant = keys[int(400 * chance.random() ** 3)]
        server = SERVERS[int(8 * chance.random() ** 2)]
        tool = TOOLS[int(7 * chance.random() ** 2)]
        words = " ".join(chance.choices(WORDS, k=6))
        if number % 9_973 == 0:
            words += f" codeword-{number // 9_973}"
        about = (
            f'"caller":{{"id":"{key}","name":"{name}"}},"tenant":"{tenant}","server":"{server}","tool":"{tool}",'
            f'"access":"read","definition":"{sha256(tool.encode()).hexdigest()}",'
            f'"input":{{"path":"/srv/{words.replace(" ", "/")}/{number}.txt","note":"{words}"}},'
            f'"input_digest":"{chance.getrandbits(256):064x}","policies":["reader:{server}.*:read"],"policy_version":"v7"'
        )
        id_ = f"d9c917789b7efde6{number:08x}"
        if chance.random() < 0.1:
            reason = "rate_limited" if chance.random() < 0.999 else "tool_quarantined"
            writer.add(
                f'"at":"{stamp(at)}","kind":"refusal","id":"{id_}",{origin},{about},"decision":"denied",'
                f'"reason":"{reason}","private":"as the rules say","status":"refused","latency_ms":0.211'
            )
        else:
            intent = writer.add(
                f'"at":"{stamp(at)}","kind":"intent","id":"{id_}",{origin},{about},'
                '"cost_micros":0,"currency":"USD","decision":"allowed"'
            )
            writer.add(
                f'"at":"{stamp(at + 0.02)}","kind":"outcome","id":"{id_}","intent":{intent},"decision":"allowed",'
                '"status":"ok","cost_micros":0,"latency_ms":20.114,"upstream_ms":19.871,"bytes":4711,'
                f'"output_digest":"{chance.getrandbits(256):064x}","findings":[],"secrets":["{server}-token"]'
            )
        if writer.size >= SEGMENT_BYTES:
            writer.end()
            writer.begin()
            if sys.stderr.isatty():
                print(f"\r{number:,} records", end="", file=sys.stderr)
    writer.end()


def command(data: Path, *arguments: str) -> tuple[float, int]:
    """Run `yett audit …`; return seconds and lines."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "yett", "audit", *arguments, "--data", str(data), "--config", str(data / "no.yaml")],
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return time.perf_counter() - begun, done.stdout.count(b"\n")


def questions(records: int) -> list[tuple[str, tuple[str, ...]]]:
    some = records // 3
    return [
        ("the newest 20", ("tail", "-n", "20")),
        ("the newest 100 of one tenant", ("search", "--tenant", "acme", "--limit", "100")),
        ("one id", ("search", "--id", f"d9c917789b7efde6{some:08x}")),
        ("a word that stands once", ("search", "--text", f"codeword-{some // 9_973}")),
        ("a rare caller and a rare tool", ("search", "--key", "agent-399", "--tool", "tickets/fetch", "--limit", "100")),
        ("a rare reason", ("search", "--reason", "tool_quarantined", "--limit", "100")),
        ("reason, tenant and server at once", ("search", "--reason", "tool_quarantined", "--tenant", "hooli", "--server", "tickets", "--limit", "100")),
        ("an hour of long ago, one caller", ("search", "--since", stamp(START + some * 0.7), "--until", stamp(START + some * 0.7 + 3600), "--key", "agent-0")),
        ("nothing at all", ("search", "--tenant", "nobody")),
        ("three words in a row, newest 20", ("search", "--text", "password reset budget", "--limit", "20")),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--directory", type=Path)
    options = parser.parse_args()
    data = options.directory or Path(tempfile.mkdtemp(prefix="yett-search-"))
    log = data / "audit"
    try:
        if not log.exists():
            log.mkdir(mode=0o700, parents=True)
            begun = time.perf_counter()
            generate(log, options.records)
            print(f"made {options.records:,} records in {time.perf_counter() - begun:.0f} s")
        size = sum(path.stat().st_size for path in log.glob("segment-*"))
        seconds, _ = command(data, "index", "--json")
        index = sum(path.stat().st_size for path in log.glob("index/*"))
        print(f"log {size / 1e9:.2f} GB, index {index / 1e9:.2f} GB ({index / size:.1%})")
        print(f"indexed in {seconds:.0f} s: {options.records / seconds:,.0f} records/s")
        missed = 0
        for name, arguments in questions(options.records):
            times = [command(data, *arguments, "--json") for _ in range(options.repeats)]
            best, worst = min(times)[0], max(times)[0]
            missed += best >= LIMIT_SECONDS
            verdict = "pass" if best < LIMIT_SECONDS else "miss"
            print(f"{verdict}  {best:6.3f} … {worst:6.3f} s  {times[0][1]:5} found  {name}")
        sys.exit(1 if missed else 0)
    finally:
        if options.directory is None:
            shutil.rmtree(data)


if __name__ == "__main__":
    main()
