"""What the guards of arguments refuse in other places of a call, and what they must let through."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.detection.tables import Figure, Table, figure, read

from yett.core.target import JSON
from yett.validation.config import (
    AnyArgument,
    CommandArgument,
    PathArgument,
    TextArgument,
    UrlArgument,
)
from yett.validation.kinds.build import guarding_of
from yett.validation.kinds.port import Guard, Unfit

_PRIVATE: Final = ("127.0.0.1", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0")  # fmt: skip
_LEGAL: Final = (
    "a.txt", "report.v1.2.pdf", ".gitignore", "..hidden", "a..b", "archive.tar.gz", "./notes.md", "dir.d/x.y.z",
    "/srv/data/a.b/c.d", "/srv/data/..hidden", "50%.pdf", "größe.1.txt",
)  # fmt: skip


def guards(directory: Path) -> tuple[list[Table], list[Figure]]:
    """What `arguments.payloads` does not ask."""
    refused = [_commands(directory), _addresses(), _templates(directory)]
    passed = [_legal_names(), _plain_texts(directory)]
    return refused + passed, [figure(table, 100) for table in refused + passed]


def _commands(directory: Path) -> Table:
    """As a line, and as one more word of an allowed command, where a plain word is no attack."""
    words = "[A-Za-z0-9][A-Za-z0-9_./-]*"
    command = _guard(CommandArgument(programs={"git": ("log", words, ".*")}))
    line = _guard(CommandArgument(programs={"git": ("log", words)}, line=True))
    table = Table("Command payloads as a line and as a word of a command, refused")
    for row in read(directory, "argument_payloads"):
        if row["kind"] != "command_injection":
            continue
        text, source = row["text"], row["source"]
        table.add("as a line", source, found=not _passes(line, text))
        if not text.isalnum():
            table.add("as a word", source, found=not _passes(command, ["git", "log", text]))
    return table


def _addresses() -> Table:
    guard = _guard(UrlArgument(hosts=("*",), schemes=("http", "https")))
    table = Table("Spellings of private addresses against `url`, refused")
    for address in _PRIVATE:
        for host in spellings(address):
            table.add(address, "generated", found=not _passes(guard, f"http://{host}/"))
    return table


def spellings(address: str) -> Iterator[str]:
    """Yield the ways in which libraries read one IPv4 address."""
    number, parts = int(ipaddress.IPv4Address(address)), [int(part) for part in address.split(".")]
    tail16, tail24 = number & 0xFFFF, number & 0xFFFFFF
    yield from (address, f"{address}.", str(number), hex(number), hex(number).upper(), f"0{number:o}", f"{number:#034b}")  # fmt: skip
    for form in ("{}", "0x{:x}", "0X{:X}", "0{:o}", "000{:o}", "0x00{:x}"):
        yield ".".join(form.format(part) for part in parts)
        yield ".".join([form.format(parts[0]), *map(str, parts[1:])])
        yield f"{form.format(parts[0])}.{form.format(tail24)}"
        yield f"{parts[0]}.{form.format(parts[1])}.{form.format(tail16)}"
    yield ".".join(f"{part:03}" for part in parts)
    yield address.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)})
    yield address.replace(".", "\N{IDEOGRAPHIC FULL STOP}")
    yield from (f"%{ord(address[0]):x}{address[1:]}", f"user@{address}", f"example.com@{address}")
    yield from (
        f"{address}.nip.io",
        f"{address.replace('.', '-')}.sslip.io",
        f"{number:08x}.nip.io",
    )
    high, low = number >> 16, tail16
    for form in (
        "::{}",
        "::ffff:{}",
        "0:0:0:0:0:ffff:{}",
        "::ffff:0:{}",
        "64:ff9b::{}",
        "64:ff9b:1::{}",
    ):
        yield f"[{form.format(address)}]"
        yield f"[{form.format(f'{high:x}:{low:x}')}]"
    yield from (f"[2002:{high:x}:{low:x}::]", f"[2001:0:{high:x}:{low:x}::]", f"[fe80::5efe:{address}]", f"[::ffff:{address}%25lo]")  # fmt: skip


def _templates(directory: Path) -> Table:
    guard = _guard("template")
    table = Table("Template payloads against `template`, refused")
    for row in read(directory, "argument_payloads"):
        if row["kind"] == "template_injection":
            table.add(row["kind"], row["source"], found=not _passes(guard, row["text"]))
    return table


def _legal_names() -> Table:
    guard = _guard(PathArgument(roots=("/srv/data",)))
    table = Table("Legal names with dots against `path`, passed")
    for name in _LEGAL:
        table.add("name", "written here", found=_passes(guard, name))
    return table


def _plain_texts(directory: Path) -> Table:
    """No guard stands before a plain text, so nothing could change it; tests send each one through a gate."""
    guarding, _ = guarding_of({"it": TextArgument()})
    table = Table("Fragments as plain text, passed unchanged")
    texts = [
        (row["kind"], row["source"], row["text"]) for row in read(directory, "argument_payloads")
    ]
    texts += [(row["label"], row["source"], row["sql"]) for row in read(directory, "sql") if row["label"] == "injection"]  # fmt: skip
    for kind, source, text in texts:
        sent = guarding.check({"it": text}, "write")
        table.add(kind, source, found=sent == {"it": text})
    return table


def _guard(options: AnyArgument) -> Guard:
    guarding, problems = guarding_of({"it": options})
    if problems:
        raise ValueError(str(problems[0]))
    return guarding.guards[0][1]


def _passes(guard: Guard, value: JSON) -> bool:
    try:
        return bool(guard.check(value, "write") == value)
    except Unfit:
        return False
