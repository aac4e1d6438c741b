"""docs/reference/reasons.md: the closed list of refusals, from its table."""

from functools import cache

from scripts.reference.page import NOTE, ROOT

from yett.core.reasons import WIRE, Reason, public_reason
from yett.edge.mcp.versions import LEGACY, MODERN


def reasons_page() -> str:
    lines = [
        "# Reasons to refuse\n",
        NOTE,
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
        "| `pointer` | `invalid_input`, `argument_denied` by a kind | JSON Pointer to what does not fit |",
        "| `approval` | `approval_required`, `approval_denied` | the id of the question that [people answer](../how-to/ask-a-person.md) |",
        "| `retry_after_seconds` | `rate_limited`, `circuit_open` | also the header `Retry-After` |",
        "| `resets_at` | `budget_exhausted` | when the budget begins anew |",
        "| `outcome_unknown` | the call may have reached the server | do not repeat a write blindly |\n",
        "On `/mcp` an `invalid_input` is a tool result with `isError: true` from 2025-11-25 on, so that a model can mend its",
        "arguments, and the JSON-RPC error above before.\n",
        "Arguments of a [kind](../how-to/guard-arguments.md) are refused for one of two reasons. `invalid_input`: the value does",
        "not have the form that is asked for, as a schema could say, too (no text, no member of `enum`, beyond `max`, no",
        "`pattern`, no `email`, no `regex`). `argument_denied`: what the value would do is not allowed, or nobody can tell what it",
        "would do; so what cannot be parsed as `sql`, `url` or `path` counts as forbidden and not as malformed.\n",
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
