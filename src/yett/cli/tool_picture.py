"""How a definition, and what changed in it, is shown to the person who is to approve it.

Everything here may come from a hostile server: it is printed without control characters (CWE-150).
"""

import re
import sys
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Final

import click

from yett.cli.place import printable, shown

if TYPE_CHECKING:
    from yett.catalogue.approval import Decision
    from yett.catalogue.diff import Change
    from yett.cli.place import Place

_TOKEN: Final = re.compile(r"\s+|\w+|[^\w\s]")
_TOKENS_MAX: Final = 3_000
_AROUND: Final = 12
"""Words that are kept on either side of a change."""
_COLOURS: Final = {"high": "red", "medium": "yellow", "low": "blue"}
_ORDER: Final = ("high", "medium", "low")
_BADGE: Final = 6


def print_news(server: str, news: Sequence["Decision"]) -> None:
    """Print what approving would change, the worst of each first."""
    for item in news:
        name = click.style(f"{server}/{shown(item.name)}", bold=True)
        click.echo(f"{name} ({item.kind.value}, {item.after.access}): {_news_of(item)}")
        if item.before is None and item.after.definition.get("description"):
            _print_indented(str(item.after.definition["description"]), "  says: ")
        if item.claims_to_read:
            click.echo("  the server claims that it only reads; if you agree: --access read")
        told = {(change.pointer, says) for change in item.changes for says in change.findings}
        for finding in item.findings:
            is_new = (finding.pointer, finding.says) not in told
            if is_new and (finding.severity == "high" or item.before is None):
                _print_line(finding.severity, str(finding))
        for change in sorted(item.changes, key=lambda one: _ORDER.index(one.severity)):
            _print_change(change)


def as_rows(server: str, item: "Decision") -> dict[str, Any]:
    """Return the same for programs."""
    import msgspec

    return {
        "server": server,
        "kind": item.kind.value,
        "name": item.name,
        "new": item.before is None,
        "quarantined": item.before is not None and item.before.quarantined,
        "access": item.after.access,
        "suspicious": item.is_suspicious,
        "findings": [msgspec.to_builtins(finding) for finding in item.findings],
        "changes": [msgspec.to_builtins(change) for change in item.changes],
    }


def words_changed(before: str, after: str) -> Iterator[tuple[str, str]]:
    """Yield ("same" | "gone" | "new", text) for the stretches of two texts, word by word."""
    old, new = _TOKEN.findall(before)[:_TOKENS_MAX], _TOKEN.findall(after)[:_TOKENS_MAX]
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for what, i1, i2, j1, j2 in matcher.get_opcodes():
        if what == "equal":
            yield "same", "".join(old[i1:i2])
            continue
        if i1 < i2:
            yield "gone", "".join(old[i1:i2])
        if j1 < j2:
            yield "new", "".join(new[j1:j2])


def print_tool(place: "Place", whole: dict[str, Any]) -> None:
    """Print one approved tool: what is known of it, its arguments, and its definition."""
    apart = ("definition", "arguments", "findings", "added_bounds", "proposed_arguments")
    place.print_record({name: value for name, value in whole.items() if name not in apart})
    for finding in whole["findings"]:
        _print_line(finding["severity"], f"{finding['pointer'] or 'name'}: {finding['says']}")
    if whole["arguments"]:
        click.echo(click.style("\narguments", bold=True))
        place.print_rows(whole["arguments"], ["argument", "type", "kind", "required", "bounds", "lacks", "added"])  # fmt: skip
    if whole["added_bounds"]:
        click.echo(click.style("\nbounds that Yett adds", bold=True))
        for bound in whole["added_bounds"]:
            click.echo(f"  {bound}")
    if whole["proposed_arguments"]:
        from yett.cli.argument_proposals import print_proposals

        click.echo("")
        by_tool = {whole["name"]: whole["proposed_arguments"]}
        print_proposals(str(place.config_path), whole["server"], by_tool)
    click.echo(click.style("\ndefinition", bold=True))
    _print_definition(whole["definition"])


def _print_definition(definition: dict[str, Any]) -> None:
    import orjson

    try:
        text = orjson.dumps(definition, option=orjson.OPT_INDENT_2).decode()
    except TypeError:  # an integer beyond 64 bits
        import json

        text = json.dumps(definition, ensure_ascii=False, indent=2)
    click.echo(printable(text))


def _news_of(item: "Decision") -> str:
    if item.before is None:
        return "new"
    if item.changes:
        return "changed"
    if item.before.quarantined:
        return "out of use, but as approved"
    return f"its class was {item.before.access}"


def _print_change(change: "Change") -> None:
    says = change.says or change.meaning
    where = f"{change.pointer} {change.what} ({change.meaning})"
    _print_line(change.severity, f"{says}: {where}" if change.says else where)
    for finding in change.findings:
        click.echo("          " + click.style(f"! {shown(finding)}", fg="red"))
    if change.texts is not None and change.what == "changed":
        click.echo("          " + _picture(*change.texts))
        return
    for mark, text, colour in (("-", change.before, "red"), ("+", change.after, "green")):
        if text is not None:
            click.echo("          " + click.style(f"{mark} {shown(text)}", fg=colour))


def _picture(before: str, after: str) -> str:
    """One text with what is gone and what is new marked in it; far from both it is left out."""
    parts = list(words_changed(before, after))
    drawn = [
        _stretch(what, text, first=place == 0, last=place == len(parts) - 1)
        for place, (what, text) in enumerate(parts)
    ]
    return "".join(drawn)


def _stretch(what: str, text: str, *, first: bool, last: bool) -> str:
    if what == "same":
        words = _TOKEN.findall(text)
        if len(words) > 4 * _AROUND:
            head = [] if first else words[: 2 * _AROUND]
            tail = [] if last else words[-2 * _AROUND :]
            text = "".join([*head, " … ", *tail])
        return _in_lines(text)
    plain = _in_lines(text)
    if sys.stdout.isatty():
        if what == "gone":
            return click.style(plain, fg="red", strikethrough=True)
        return click.style(plain, fg="green", bold=True)
    return f"[-{plain}-]" if what == "gone" else f"{{+{plain}+}}"


def _in_lines(text: str) -> str:
    return printable(text).replace("\n", "\n          ")


def _print_line(severity: str, text: str) -> None:
    badge = click.style(f"{severity:<{_BADGE}}", fg=_COLOURS[severity], bold=severity == "high")
    click.echo(f"  {badge}  {shown(text)}")


def _print_indented(text: str, lead: str) -> None:
    lines = printable(text).strip().splitlines() or [""]
    click.echo(lead + lines[0])
    for line in lines[1:]:
        click.echo(" " * len(lead) + line)
