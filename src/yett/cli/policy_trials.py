"""`yett policy test|replay|suggest|shadow`: try policies on cases, on the past, and beside live traffic."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from yett.audit.asking import moment
from yett.cli.audit_filters import SINCE
from yett.cli.audit_source import shelf_of, source_of
from yett.cli.command import Place, command
from yett.cli.place import shown
from yett.cli.policy_question import authorizer_of, call_of, files_of, principal_of, target_of
from yett.core.errors import CommandError, ConfigurationError, Problem

if TYPE_CHECKING:
    from yett.audit.reading import Entry
    from yett.authorization.cases import Case, CaseFile, Verdict
    from yett.authorization.replaying import Difference, Moment
    from yett.authorization.stage import Authorizer
    from yett.configuration.model import Configuration
    from yett.core.call import Call
    from yett.core.identity import Principal
    from yett.core.target import Target

_NO_ROLE: Final = re.compile(r"[^a-z0-9_-]")
"""What the name of a key may hold and that of a role may not."""
_ROLE_CHARS_MAX: Final = 48
_CASES_FOLDER: Final = "tests"
_REPLAY_COLUMNS: Final = (
    "change",
    "calls",
    "caller",
    "tool",
    "before",
    "after",
    "policies",
    "sure",
)
_SHADOW_COLUMNS: Final = ("would", "was", "calls", "caller", "tool", "policies", "example")
_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("test")
@command()
@click.argument("files", nargs=-1, type=_FILE)
def test(place: Place, files: tuple[Path, ...]) -> None:
    """Run cases that say what the policies must decide; exit 1 if one is decided otherwise.

    FILES: YAML with `cases`. Default: `tests/*.yaml` in the folder of policies. The examples beside your own
    `detectors` are tried as well, as at each start.
    """
    configuration = place.configuration()  # one with an example that does not hold is refused here
    examples = sum(
        len(each.matches) + len(each.passes) for each in configuration.detectors.values()
    )
    folder = Path(configuration.policies) / _CASES_FOLDER
    paths = files or tuple(sorted(folder.glob("*.yaml")))
    if not paths and not examples:
        raise CommandError(f"There are no cases: `{folder}` has no *.yaml. Name a file")
    rows = [
        _case_row(path, verdict)
        for path in paths
        for verdict in _verdicts(place, configuration, path)
    ]
    wrong = [row for row in rows if row["problem"]]
    if place.as_json:
        place.print_rows(rows)
    else:
        for row in wrong:
            place.say(f"{row['file']}: {row['case']}: {row['problem']}")
        place.say(f"{len(rows) - len(wrong)} of {len(rows)} cases are decided as they must be")
        if examples:
            place.say(
                f"all {examples} examples of detectors are found, or let pass, as they must be"
            )
    if wrong:
        raise click.exceptions.Exit(1)


@click.command("replay")
@command()
@click.argument("new", type=click.Path(path_type=Path, exists=True))
@SINCE
@click.option("--key", help="Calls of one key only.")
def replay(place: Place, new: Path, since: str | None, key: str | None) -> None:
    """List what another policy set would newly allow and deny, by the calls on record.

    NEW: a folder of *.cedar in place of the present one, one *.cedar file beside the present ones (or in
    place of the one with its name), or a whole other yett.yaml.
    """
    from yett.audit.finding import search
    from yett.audit.reading import Filter
    from yett.authorization.replaying import Moment, Replayer

    configuration = place.configuration()
    current = Moment(place.clock.wall())
    before = authorizer_of(place, configuration, files_of(place, configuration), clock=current)
    replayer = Replayer(
        before, _new_authorizer(place, configuration, new, current), current, _principals(place)
    )
    wanted = Filter(since=moment(since, place.clock.wall()), key=key)
    entries = _with_progress(place, search(source_of(place), wanted, shelf_of(place)))
    found = [difference for entry in entries if (difference := replayer.compare(entry))]
    place.print_rows(_summed(found), _REPLAY_COLUMNS, empty="nothing would be decided otherwise")
    if not place.as_json:
        skipped = f", {replayer.skipped} of keys that are gone" if replayer.skipped else ""
        place.say(f"{len(found)} of {replayer.judged} calls would be decided otherwise{skipped}")


@click.command("suggest")
@command()
@click.option("--key", required=True, help="Whose use counts: name or id of a key.")
@SINCE
def suggest(place: Place, key: str, since: str | None) -> None:
    """Propose the least that a key must be granted for what it did."""
    from yett.audit.finding import search
    from yett.audit.reading import Filter
    from yett.authorization.replaying import used_grants

    configuration = place.configuration()
    principal = principal_of(place, {"key": key, "roles": ()})
    wanted = Filter(since=moment(since, place.clock.wall()), key=principal.id)
    used = used_grants(_with_progress(place, search(source_of(place), wanted, shelf_of(place))))
    own = {grant for role in principal.roles for grant in configuration.roles.get(role, ())}
    unused = sorted(grant for grant in own if not _covers_any(grant, used))
    name = f"{_NO_ROLE.sub('-', principal.name.lower())[:_ROLE_CHARS_MAX]}-least"
    if place.as_json:
        place.print_record(
            {
                "key": principal.name,
                "role": name,
                "grants": sorted(used),
                "calls": used,
                "unused": unused,
            }
        )
        return
    if not used:
        place.say(f"`{principal.name}` was permitted nothing in that time, so it needs no grant")
    else:
        place.say("roles:")
        place.say(f"  {name}: [" + ", ".join(f'"{grant}"' for grant in sorted(used)) + "]")
    if unused:
        place.say(f"# granted and never used: {', '.join(unused)}")


@click.command("shadow")
@command()
@click.argument("file", type=_FILE, required=False)
@click.option("--stop", is_flag=True, help="Try nothing any more.")
def shadow(place: Place, file: Path | None, *, stop: bool) -> None:
    """Try a policy file beside live traffic: record what it would have done, and do not do it.

    Without FILE: show what was recorded of the one that is tried.
    """
    from yett.app.shadow import put_shadow, shadow_file, take_shadow, with_file

    if file is not None and stop:
        raise CommandError("Either try FILE or --stop, not both")
    if stop:
        if not take_shadow(place.data):
            raise CommandError("No policy is being tried")
        place.print_record({"trying": None})
        return
    if file is None:
        tried = shadow_file(place.data)
        if tried is None:
            raise CommandError("No policy is being tried. Begin with `yett policy shadow FILE`")
        _show_shadow(place, tried)
        return
    configuration = place.configuration()
    text = file.read_text("utf-8")
    name = file.name if file.suffix == ".cedar" else f"{file.name}.cedar"
    files = with_file(files_of(place, configuration), Path(configuration.policies).name, name, text)
    authorizer_of(place, configuration, files)  # one that cannot be used is refused here
    place.make_data()
    put_shadow(place.data, name, text)
    place.print_record({"trying": name, "shown_by": "yett policy shadow"})


def _show_shadow(place: Place, tried: Path) -> None:
    from yett.audit.finding import search
    from yett.audit.reading import Filter
    from yett.core.clock import iso_time

    since = iso_time(tried.stat().st_mtime)
    counts: Counter[tuple[str, ...]] = Counter()
    examples: dict[tuple[str, ...], str] = {}
    wanted = Filter(kind="event", since=since, text="policy.shadow")
    for event in search(source_of(place), wanted, shelf_of(place)):
        details = event["details"]
        if event["event"] == "policy.shadow_refused":
            place.say(f"note: not tried since {shown(event['at'])}: {shown(details['why'])}")
        if event["event"] != "policy.shadow":
            continue
        key = (
            details["would"],
            details["was"],
            details["name"],
            details["tool"],
            *details["policies"],
        )
        counts[key] += details["count"]
        examples[key] = details["example"]
    rows = [
        {
            "would": would,
            "was": was,
            "calls": count,
            "caller": caller,
            "tool": tool,
            "policies": policies,
            "example": examples[would, was, caller, tool, *policies],
        }
        for (would, was, caller, tool, *policies), count in counts.most_common()
    ]
    if not place.as_json:
        place.say(f"trying {tried.name} since {since}")
    place.print_rows(rows, _SHADOW_COLUMNS, empty="it would have decided nothing otherwise so far")


# -- cases


def _read_cases(path: Path) -> "CaseFile":
    from yett.authorization.cases import CaseFile
    from yett.configuration.load import read_text
    from yett.configuration.source import read_source

    source = read_source(read_text(path))
    problems = list(source.problems)
    if source.complete and not problems:
        try:
            return msgspec.convert(source.value, CaseFile)
        except msgspec.ValidationError as error:
            problems = [Problem(str(error), fix="See `docs/how-to/write-policies.md`")]
    for problem in problems:
        problem.file, problem.line = str(path), problem.line or source.line(problem.path)
    raise ConfigurationError(problems)


def _verdicts(place: Place, configuration: "Configuration", path: Path) -> "Iterator[Verdict]":
    from yett.authorization.build import blank_labels
    from yett.authorization.cases import judge
    from yett.authorization.replaying import Moment

    current = Moment(place.clock.wall())
    labels = blank_labels(current)
    authorizer = authorizer_of(
        place, configuration, files_of(place, configuration), clock=current, labels=labels
    )
    for number, case in enumerate(_read_cases(path).cases):
        try:
            current.now = _time_of(case, place.clock.wall())
            asked = _asked(place, configuration, case, current.now, f"case {number}")
        except CommandError as error:
            raise CommandError(f"{path}: {case.name}: {error}") from error
        principal, call, target = asked
        if case.seen:
            labels.touch(principal.id, call.session, frozenset(case.seen))
        yield judge(case, authorizer.explain(call, principal, target))


def _asked(
    place: Place, configuration: "Configuration", case: "Case", now: float, session: str
) -> "tuple[Principal, Call, Target]":
    """session: one of its own for each case, so that none sees what another has seen."""
    principal = principal_of(place, {"key": case.key, "roles": case.roles, "tenant": case.tenant})
    target = target_of(place, configuration, case.tool, case.access)
    call = call_of(
        target,
        case.input,
        peer=case.peer,
        door=case.door,
        protocol=case.protocol,
        at=now,
        session=session,
    )
    return principal, call, target


def _time_of(case: "Case", now: float) -> float:
    if not case.at:
        return now
    try:
        return datetime.fromisoformat(case.at).timestamp()
    except ValueError:
        raise CommandError(f"`{case.at}` is no time such as 2026-11-22T13:00Z") from None


def _case_row(path: Path, verdict: "Verdict") -> dict[str, Any]:
    return {
        "file": str(path),
        "case": verdict.case.name,
        "ok": not verdict.problem,
        "expected": verdict.case.expect,
        "got": verdict.got,
        "policies": list(verdict.policies),
        "problem": verdict.problem,
    }


# -- the past


def _new_authorizer(
    place: Place, configuration: "Configuration", new: Path, current: "Moment"
) -> "Authorizer":
    from yett.app.servers import policy_files
    from yett.app.shadow import with_file
    from yett.authorization.build import read_policies
    from yett.configuration.load import load

    if new.is_dir():
        return authorizer_of(place, configuration, read_policies(new), clock=current)
    if new.suffix == ".cedar":
        folder = Path(configuration.policies).name
        files = with_file(files_of(place, configuration), folder, new.name, new.read_text("utf-8"))
        return authorizer_of(place, configuration, files, clock=current)
    other = load(new, data=place.data)
    return authorizer_of(place, other, policy_files(other, new.resolve().parent), clock=current)


def _principals(place: Place) -> "dict[str, Principal]":
    from yett.authentication.build import build_registry

    registry = build_registry(
        database=place.database(), data=place.data, clock=place.clock, actor=place.actor
    )
    return {key.id: key.principal for key in registry.list()}


def _with_progress(place: Place, entries: "Iterable[Entry]") -> "Iterator[Entry]":
    """Say every now and then how far it is: a log may have millions of records."""
    for number, entry in enumerate(entries, start=1):
        if number % 100_000 == 0 and not place.as_json:
            click.echo(f"{number:,} records read …", err=True)
        yield entry


def _summed(found: "list[Difference]") -> list[dict[str, Any]]:
    """One row for what differs alike; the last record as an example."""
    counts: Counter[tuple[Any, ...]] = Counter()
    examples: dict[tuple[Any, ...], str] = {}
    for each in found:
        key = (
            each.change,
            each.caller,
            each.tool,
            each.before,
            each.after,
            each.policies,
            each.sure,
        )
        counts[key] += 1
        examples[key] = each.id
    return [
        {
            "change": key[0],
            "calls": count,
            "caller": key[1],
            "tool": key[2],
            "before": key[3],
            "after": key[4],
            "policies": list(key[5]),
            "sure": key[6],
            "example": examples[key],
        }
        for key, count in counts.most_common()
    ]


def _covers_any(grant: str, used: Iterable[str]) -> bool:
    pattern, _, access = grant.rpartition(":")
    server, _, tool = pattern.partition(".")
    for each in used:
        name, _, needed = each.rpartition(":")
        its_server, _, its_tool = name.partition(".")
        if server == its_server and access == needed and tool in ("*", its_tool):
            return True
    return False
