"""Writes docs/reference from the code: `make docs`. tests/docs/test_reference.py says when it is due.

Each page is a pure function of what is imported here; nothing is copied by hand but the one sentence
and the one example per key in configuration_keys.yaml.
"""

import asyncio
import json
import re
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import msgspec
import yaml
from prometheus_client.parser import text_string_to_metric_families

from yett.admin.application import openapi
from yett.app import open_gateway
from yett.cli.root import COMMANDS, root
from yett.configuration.model import Configuration
from yett.configuration.schema import json_schema
from yett.core import quantities
from yett.core.clock import SystemClock
from yett.core.operations import OPERATIONS, Road
from yett.core.reasons import WIRE, Reason, public_reason
from yett.core.summary import Summary
from yett.credentials.config import REFERENCE_PATTERN
from yett.edge.mcp.versions import LEGACY, MODERN
from yett.edge.rest.formats import FORMATS
from yett.edge.rest.route import PATHS

ROOT: Final = Path(__file__).resolve().parents[1]
REFERENCE: Final = ROOT / "docs" / "reference"
_KEYS_FILE: Final = Path(__file__).with_name("configuration_keys.yaml")
_NOTE: Final = "Written from the code by `make docs`; change the code, not this page.\n"


# -- configuration

_LISTEN_PATTERN: Final = json_schema()["$defs"]["Configuration"]["properties"]["listen"]["pattern"]
_WORDS_OF_PATTERNS: Final = {
    quantities.DURATION_PATTERN: "duration",
    quantities.RATE_PATTERN: "rate",
    quantities.MONEY_PATTERN: "money",
    quantities.BUDGET_PATTERN: "budget",
    _LISTEN_PATTERN: "host:port",
    REFERENCE_PATTERN: "reference",
}
_WEIGHTS: Final = ("flag", "redact", "block", "debug", "info", "warning", "error")
_PLACEHOLDERS: Final = {"servers": "NAME", "tools": "TOOL", "keys": "KEY"}


class Key(NamedTuple):
    """One line of the configuration reference. path: dotted, with NAME, TOOL, KEY for map keys."""

    path: str
    type: str
    default: str
    text: str
    example: Any


def configuration_keys() -> list[Key]:
    """Return every key that yett.yaml may hold, in the model's order."""
    words = yaml.safe_load(_KEYS_FILE.read_text(encoding="utf-8"))
    found = list(_walk(msgspec.inspect.type_info(Configuration), ""))
    differing = words.keys() ^ {path for path, _, _, _ in found}
    if differing:
        raise ValueError(f"{_KEYS_FILE.name} and the model differ in: {', '.join(differing)}")
    return [
        Key(path, type_, default, _joined(text, words[path].get("text")), words[path]["example"])
        for path, type_, default, text in found
    ]


def _walk(struct: Any, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    told = _docstring_texts(struct.cls, [field.name for field in struct.fields])
    for field in struct.fields:
        path = prefix + field.name
        inner = _without_none(field.type)
        if isinstance(inner, msgspec.inspect.StructType):
            yield from _walk(inner, f"{path}.")
        elif isinstance(inner, msgspec.inspect.DictType) and isinstance(
            inner.value_type, msgspec.inspect.StructType
        ):
            yield from _walk(inner.value_type, f"{path}.{_PLACEHOLDERS[field.name]}.")
        else:
            default = _default(field)
            yield path, _type_words(inner), default, told.get(field.name, "")


def _docstring_texts(cls: type, names: list[str]) -> dict[str, str]:
    """Read `name: what it is. other, third: what they are.` out of a docstring."""
    name = "|".join(map(re.escape, names))
    heads = list(re.finditer(rf"\b((?:{name})(?:(?:, | / )(?:{name}))*): ", _one_line(cls.__doc__)))
    ends = [*(head.start() for head in heads[1:]), None]
    return {
        single: _capital(_one_line(cls.__doc__)[head.end() : end].strip().rstrip("."))
        for head, end in zip(heads, ends[: len(heads)], strict=True)
        for single in re.split(", | / ", head[1])
    }


def _without_none(type_: Any) -> Any:
    if isinstance(type_, msgspec.inspect.UnionType):
        others = [t for t in type_.types if not isinstance(t, msgspec.inspect.NoneType)]
        if len(others) == 1:
            return others[0]
    return type_


def _type_words(type_: Any) -> str:
    match type_:
        case msgspec.inspect.Metadata(type=inner, extra_json_schema=extra):
            pattern = (extra or {}).get("pattern")
            return _WORDS_OF_PATTERNS.get(pattern) or _type_words(inner)
        case msgspec.inspect.UnionType(types=types):
            return " or ".join(_type_words(t) for t in types)
        case msgspec.inspect.VarTupleType(item_type=item):
            return f"list of {_type_words(item)}"
        case msgspec.inspect.DictType(value_type=value):
            return f"map of {_type_words(value)}"
        case msgspec.inspect.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in _in_written_order(values))
        case msgspec.inspect.IntType(ge=low, le=high):
            return f"integer, {low} to {high}"
        case msgspec.inspect.BoolType():
            return "true or false"
        case msgspec.inspect.StrType(pattern=pattern):
            return _WORDS_OF_PATTERNS.get(pattern or "", "text")
        case _:
            raise ValueError(f"no words for {type_}")


def _in_written_order(values: tuple[Any, ...]) -> list[Any]:
    """msgspec sorts them; `flag`, `redact`, `block` and `debug` … `error` read better by weight."""
    return sorted(values, key=lambda value: _WEIGHTS.index(value) if value in _WEIGHTS else -1)


def _default(field: msgspec.inspect.Field) -> str:
    if field.required:
        return "required"
    if field.default is msgspec.NODEFAULT:
        return "empty"
    if field.default is None:
        return "none"
    return "empty" if field.default in ((), {}) else f"`{_flow(field.default)}`"


def configuration_page() -> str:
    lines = [
        "# Configuration: yett.yaml\n",
        _NOTE,
        "Unknown keys, duplicate keys and YAML's guesses (`yes`, `012`) are refused; `yett check` reports every",
        "problem at once with its line and its fix. For editors: [configuration.schema.json](configuration.schema.json).\n",
        "- **duration**: `250ms`, `30s`, `15m`, `24h`, `90d`",
        "- **rate**: `10/second`, `10/minute`, `10/hour`, `10/day`",
        "- **money**: `0.002 USD`; **budget**: money per `day`, `week`, `month` (UTC) or in `total`: `10 USD/day`",
        "- **reference**: `secret:NAME` (the vault), `file:/path`, or `env:NAME` (development only); never the value itself",
        "- Paths are meant from the folder of yett.yaml. NAME, TOOL and KEY stand for names of yours.\n",
    ]
    sections: dict[str, list[str]] = {}
    for key in configuration_keys():
        name = key.path.rsplit(".", 1)[-1]
        example = f"`{name}: {_flow(key.example)}`"
        row = f"| `{key.path}` | {key.type} | {key.default} | {key.text} | {example} |"
        sections.setdefault(_section_of(key.path), []).append(row)
    for section, rows in sections.items():
        lines += [f"## {section}\n", "| key | type | default | meaning | example |"]
        lines += ["|---|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _section_of(path: str) -> str:
    head, _, rest = path.partition(".")
    if ".tools." in path:
        return "Tools of a server"
    return {"": "The gate itself"}.get(rest, head.capitalize())


def _flow(value: Any) -> str:
    """Write a value as one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").strip("\n")


# -- commands


def commands() -> list[tuple[str, click.Command]]:
    """Return every command there is, with its words: `key create`."""
    return list(_walk_commands("", root))


def _walk_commands(prefix: str, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{prefix}{name}", command
        if isinstance(command, click.Group):
            yield from _walk_commands(f"{prefix}{name} ", command)


def commands_page() -> str:
    lines = [
        "# Commands\n",
        _NOTE,
        "Every command works whether the gate runs or not. It exits 0 when it did what it was asked, 1 when it was",
        "refused or failed, 2 when the command line or the configuration cannot be used, 130 after Ctrl-C. With `--json`",
        "results are JSON on standard output, one object per line, and a failure is one JSON object on standard error.\n",
        "| variable | stands for |",
        "|---|---|",
        "| `YETT_CONFIG` | `--config` |",
        "| `YETT_DATA` | `--data` |",
        "| `YETT_VAULT_PASSPHRASE` | opens the vault in place of a key file |\n",
    ]
    for words, command in commands():
        help_ = _help(words, command)
        level = "###" if " " in words else "##"
        lines.append(f"{level} yett {words}\n\n```text\n{help_}\n```\n")
    absent = [f"`{name}`" for name in COMMANDS if name not in dict(commands())]
    if absent:
        lines.append(f"Names that are reserved and not there yet: {', '.join(absent)}.\n")
    return "\n".join(lines)


def _help(words: str, command: click.Command) -> str:
    context = click.Context(
        command,
        info_name=f"yett {words}",
        terminal_width=100,
        help_option_names=["-h", "--help"],
    )
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


# -- reasons


def reasons_page() -> str:
    lines = [
        "# Reasons to refuse\n",
        _NOTE,
        "The list is closed: nothing is refused for any other reason, and each has one form. The caller sees the text and",
        "the few public details named below; what else is known is in the audit record. Two reasons may share one form",
        "on purpose: nobody can find out what exists by asking.\n",
        f"*REST*: the HTTP status of an `application/problem+json` answer. *JSON-RPC*: `error.code` on `/mcp`. *MCP HTTP*: the status that carries it, for versions up to {LEGACY[0]} and for {MODERN}.\n",
        "| reason | REST | JSON-RPC | MCP HTTP legacy | MCP HTTP modern | text | retry |",
        "|---|---|---|---|---|---|---|",
    ]
    for reason in Reason:
        wire = WIRE[reason]
        legacy, modern = wire.mcp_http
        retry = "yes" if wire.retryable else "no"
        lines.append(
            f"| {_reason_names(reason)} | {wire.http} | {wire.rpc} | {legacy} | {modern} | {wire.text} | {retry} |"
        )
    lines += [
        "",
        "Members of a refusal, in the problem document and in `error.data` alike:\n",
        "| member | when | what |",
        "|---|---|---|",
        "| `reason` | always | one of the above |",
        "| `detail` | always | the text, and a sentence that is safe to show |",
        "| `request_id` | always | the id of the audit record; also the header `Yett-Request-Id` |",
        "| `pointer` | `invalid_input` | JSON Pointer to what does not fit |",
        "| `retry_after_seconds` | `rate_limited`, `circuit_open` | also the header `Retry-After` |",
        "| `resets_at` | `budget_exhausted` | when the budget begins anew |",
        "| `outcome_unknown` | the call may have reached the server | do not repeat a write blindly |\n",
        "On `/mcp` an `invalid_input` is a tool result with `isError: true` from 2025-11-25 on, so that a model can mend its",
        "arguments, and the JSON-RPC error above before.\n",
        "`upstream_error` (REST only, 502) is not a refusal: the server itself answered with a JSON-RPC error, and its cleaned words follow.",
    ]
    return "\n".join(lines) + "\n"


def _reason_names(reason: Reason) -> str:
    public = public_reason(reason)
    name = f"`{reason.value}`" + (f", told as `{public.value}`" if public is not reason else "")
    return name if f"Reason.{reason.name}" in _source() else f"{name} (nothing gives it yet)"


@cache
def _source() -> str:
    """All of the source but the list of reasons itself."""
    paths = sorted((ROOT / "src" / "yett").rglob("*.py"))
    return "\n".join(
        path.read_text(encoding="utf-8") for path in paths if path.name != "reasons.py"
    )


# -- metrics


def metric_families() -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Return name, kind, labels and text of each metric that a gate shows, by asking a gate."""
    text = asyncio.run(_rendered_metrics())
    found = []
    for family in text_string_to_metric_families(text):
        labels = dict.fromkeys(name for sample in family.samples for name in sample.labels)
        counter = family.type == "counter"
        name = f"{family.name}_total" if counter else family.name
        kept = tuple(name for name in labels if name not in {"le", "version"})
        found.append((name, family.type, family.documentation, kept))
    return found


async def _rendered_metrics() -> str:
    with tempfile.TemporaryDirectory() as folder:
        config_path = Path(folder) / "yett.yaml"
        config_path.write_text("mode: development\n", encoding="utf-8")
        gateway = open_gateway(config_path, data=Path(folder) / ".yett", clock=SystemClock())
        try:
            gateway.estate.metrics.observe(_EVERYTHING)
            return gateway.estate.metrics.render().decode()
        finally:
            await gateway.close()


_EVERYTHING: Final = Summary(
    id="",
    method="tools/call",
    door="mcp",
    server="notes",
    tool="read_note",
    tenant="default",
    decision="allowed",
    reason=None,
    status="ok",
    ended_at=0.0,
    seconds=0.001,
    upstream_seconds=0.001,
    cost_micros=1,
    bytes=1,
    findings=("secret",),
)


def metrics_page() -> str:
    lines = [
        "# Metrics\n",
        _NOTE,
        "`GET /metrics` on the admin listener, with the admin token, in the Prometheus text format. A tool appears as a label",
        "only if the catalogue knows it, so no caller can make labels; a key never appears.\n",
        "| metric | kind | labels | meaning |",
        "|---|---|---|---|",
    ]
    for name, kind, text, labels in metric_families():
        shown = ", ".join(f"`{label}`" for label in labels) or "none"
        lines.append(f"| `{name}` | {kind} | {shown} | {text} |")
    return "\n".join(lines) + "\n"


# -- http

_DATA_PATHS: Final = {
    "/execute": ("POST", 'One call: `{"tool": SERVER, "operation": TOOL, "input": {…}}`'),
    "/v1/execute": ("POST", "The same"),
    "/v1/tools": (
        "GET",
        f"What the key may call. `format`: {', '.join(FORMATS)}. `q`: only names and descriptions that hold it",
    ),
    "/v1/key": ("GET", "The caller's own key: roles, tenant, expiry, grants, limits"),
    "/v1/usage": ("GET", "The caller's own limits, what is left, when it resets"),
}
_ROADS: Final = {
    Road.CALL: "the whole road, to a server and back",
    Road.LIST: "answered from the approved catalogue",
    Road.ATTEND: "concerns the caller alone",
}


def http_page() -> str:
    if {path.encode() for path in _DATA_PATHS} != PATHS:
        raise ValueError("_DATA_PATHS and the REST route differ")
    lines = [
        "# HTTP\n",
        _NOTE,
        "## Data listener (`listen`)\n",
        "Every path but the two for health wants `Authorization: Bearer KEY`. Bodies are JSON in UTF-8, not compressed.",
        "Every answer to a request carries `Yett-Request-Id`, the id of its audit record.\n",
        "| path | method | what |",
        "|---|---|---|",
        "| `/mcp` | POST, GET, DELETE | MCP: everything the key may use, tools named `SERVER__TOOL` |",
        "| `/mcp/SERVER` | POST, GET, DELETE | MCP: one server, its names unchanged |",
        *(f"| `{path}` | {method} | {what} |" for path, (method, what) in _DATA_PATHS.items()),
        "| `/healthz` | GET | 200 `ok` while the process answers |",
        "| `/readyz` | GET | 200 `ok` when a call could be served and recorded, else 503 |",
        "",
        f"MCP versions: {MODERN} (no session), and {', '.join(LEGACY)} (`initialize`, `Mcp-Session-Id`; GET opens the stream of",
        "server messages, DELETE ends the session). The version decides only the form, never what is allowed.\n",
        "An answer of `/v1/execute`:\n",
        "```json",
        json.dumps(
            {
                "id": "…",
                "tool": "notes",
                "operation": "read_note",
                "output": {"content": [{"type": "text", "text": "…"}], "isError": False},
                "usage": {"cost": "0 USD", "budget_remaining": None},
            },
            ensure_ascii=False,
        ),
        "```\n",
        "Refusals are [one closed list](reasons.md).\n",
        "## MCP methods\n",
        "What is not in this table is refused as `unknown_method`. Names that begin with `yett/` and `session/` cannot be",
        "sent; they are how the REST routes and the session's own requests appear in the record.\n",
        "| method | road |",
        "|---|---|",
        *(f"| `{name}` | {_ROADS[operation.road]} |" for name, operation in OPERATIONS.items()),
        "",
        "## Admin listener (`admin.listen`)\n",
        "Every path but `/healthz` wants `Authorization: Bearer TOKEN` with the token in `admin-token` of the data directory, a",
        "`Host` of its own, and no `Origin`. Every request but a scrape leaves an event in the audit log first.\n",
        "| path | method | what | parameters |",
        "|---|---|---|---|",
        *_admin_rows(),
        "| `/api/v1/openapi.json` | GET | This table as OpenAPI 3.1 | none |",
        "| `/metrics` | GET | [Metrics](metrics.md) | none |",
        "| `/healthz` | GET | 200 `ok` while the process answers | none |",
    ]
    return "\n".join(lines) + "\n"


def _admin_rows() -> Iterator[str]:
    for path, operations in openapi()["paths"].items():
        for method, operation in operations.items():
            names = [f"`{item['name']}`" for item in operation.get("parameters", [])]
            shown = ", ".join(names) or "none"
            yield f"| `{path}` | {method.upper()} | {operation['summary']} | {shown} |"


# -- all


def pages() -> dict[str, str]:
    """Return every written file of docs/reference by name."""
    return {
        "configuration.md": configuration_page(),
        "configuration.schema.json": json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
        "commands.md": commands_page(),
        "reasons.md": reasons_page(),
        "metrics.md": metrics_page(),
        "http.md": http_page(),
    }


def _joined(*sentences: str | None) -> str:
    return ". ".join(sentence for sentence in sentences if sentence)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _capital(text: str) -> str:
    """Let a sentence begin; what is quoted stays as it is."""
    return text[:1].upper() + text[1:]


def main() -> None:
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
