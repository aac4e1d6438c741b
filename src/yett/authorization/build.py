"""Roles and policy files in, Authorizer out; or everything that is wrong with them, at once."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Final

from yett.authorization.alarms import Alarms, RecordEvent
from yett.authorization.approval import ApprovalDesk
from yett.authorization.approval.request import Redact
from yett.authorization.backends.cedar import (
    CedarEngine,
    count_policies,
    find_faults,
    read_text,
    schema_text,
    write_text,
)
from yett.authorization.backends.label_memory import MemoryLabelStore
from yett.authorization.backends.label_table import DatabaseLabelStore
from yett.authorization.compile import ROLE_PREFIX, Statement, compile_roles
from yett.authorization.conditions import without_arguments
from yett.authorization.config import Roles, ToolMarks
from yett.authorization.fitting import Fitting
from yett.authorization.labels import Labels
from yett.authorization.offers import Offer, write_schema
from yett.authorization.policies import ROW_ACTION, Policy, is_understood
from yett.authorization.reading import Reader
from yett.authorization.rows import row_problems, tools_with_rows
from yett.authorization.size import oversized
from yett.authorization.stage import Authorizer
from yett.authorization.statements import split
from yett.authorization.twin import TwinEngine
from yett.core.clock import Clock
from yett.core.errors import ConfigurationError, Problem
from yett.core.seal import Sealer
from yett.core.target import JSON
from yett.storage.port import Database

POLICY_FILES_MAX: Final = 1_000
POLICY_FILE_BYTES_MAX: Final = 4 * 1024 * 1024
ID_CHARS_MAX: Final = 200
SHOWN_CHARS_MAX: Final = 500
CHECKED_AT_ONCE: Final = 100
"""As in reading.py: while Cedar checks types, nothing else in the process runs."""

_Fault = tuple[str, str]
"""A policy's id, and what is wrong with it."""


def open_labels(database: Database, clock: Clock) -> Labels:
    """Read what callers have seen.

    Raises:
        Fault: the database did not answer.
    """
    return Labels(DatabaseLabelStore(database), clock)


def open_reader() -> Reader:
    """Return one that has read nothing yet."""
    return Reader(read_text)


def blank_labels(clock: Clock) -> Labels:
    """Return labels for trials, kept nowhere and by session only: nobody has seen anything yet."""
    labels = Labels(MemoryLabelStore(), clock)
    labels.window_seconds = float("-inf")
    return labels


def open_approvals(
    database: Database, clock: Clock, redact: Redact, sealer: Sealer
) -> ApprovalDesk:
    """Return who asks people. redact: takes secrets out of JSON, for what they are shown. sealer: one for
    the life of the process."""
    return ApprovalDesk(database, clock, redact, sealer)


def build(
    roles: Roles,
    policy_files: Mapping[str, str],
    *,
    clock: Clock,
    labels: Labels | None = None,
    marks: Mapping[str, ToolMarks] | None = None,
    approvals: ApprovalDesk | None = None,
    record_event: RecordEvent | None = None,
    reader: Reader | None = None,
) -> Authorizer:
    """Compile, parse and check the whole policy set. policy_files: path as to be shown → text. labels: one
    for the life of the process; None: nobody has seen anything. marks: by `server/tool`, or by
    server for all that it offers. record_event: told of policies that cannot be evaluated. reader: one for the life of the
    process; None: nothing was read before.

    Raises:
        ConfigurationError: with every problem found in roles and files.
    """
    compiled, problems = compile_roles(roles)
    reader = reader or open_reader()
    with reader.lock:
        policies, more = _read_all(compiled, policy_files, reader)
        problems += more
        problems += _doubled(policies)
        row_tools = tools_with_rows(marks or {})
        problems += [problem for policy in policies for problem in row_problems(policy, row_tools)]
        if not problems:
            problems = _faulty(policies, reader)
    if problems:
        raise ConfigurationError(problems)
    return Authorizer(
        policies,
        roles=frozenset(roles),
        engine=TwinEngine(CedarEngine()),
        version=_digest(roles, compiled, policy_files),
        clock=clock,
        labels=labels or blank_labels(clock),
        marks=marks or {},
        approvals=approvals,
        alarms=Alarms(record_event or _tell_nobody, clock),
    )


def read_ahead(policy_files: Mapping[str, str], reader: Reader) -> None:
    """Do what takes long of a build, in another thread than the one that serves. What is wrong the
    build itself says."""
    with contextlib.suppress(ConfigurationError), reader.lock:
        policies, problems = _read_all([], policy_files, reader)
        if not problems:
            _faulty(policies, reader)


def _tell_nobody(_event: dict[str, JSON]) -> None:
    """For commands, which only ask what would happen."""


def schema(offer: Offer | None = None) -> str:
    """Return the Cedar schema: what policies may speak of. offer: for calls of this alone."""
    return schema_text() if offer is None else write_schema(schema_text(), offer)


def hold_against(policies: Iterable[Policy], offers: Sequence[Offer]) -> Fitting:
    """Check what policies read of arguments by what tools and prompts take."""
    return Fitting(
        policies,
        offers,
        fixed=schema_text(with_rows=False),
        find_faults=find_faults,
        write_text=write_text,
    )


def read_policies(directory: Path, *, must_exist: bool = False) -> dict[str, str]:
    """Return the text of each `*.cedar` file in a directory, by `directory/file`, sorted.

    must_exist: a directory that is not there is a mistake, since its `forbid`s would be missed;
    otherwise it holds no policies.

    Raises:
        ConfigurationError: a file cannot be read, is too large, or is not UTF-8.
    """
    if not directory.is_dir():
        if must_exist:
            message, fix = f"there is no folder `{directory}`", "Make it, or remove this line"
            raise ConfigurationError([Problem(message, fix=fix, path=("policies",))])
        return {}
    paths = sorted(path for path in directory.glob("*.cedar") if path.is_file())
    problems: list[Problem] = []
    if len(paths) > POLICY_FILES_MAX:
        problems.append(
            Problem(
                f"`{directory.name}` holds {len(paths)} policy files",
                fix=f"Merge some: at most {POLICY_FILES_MAX} are read",
            )
        )
    texts: dict[str, str] = {}
    for path in paths[:POLICY_FILES_MAX]:
        name = f"{directory.name}/{path.name}"
        try:
            texts[name] = _read_bounded(path)
        except (OSError, ValueError) as error:
            problems.append(Problem(f"cannot be read: {error}", fix="Mend the file", file=name))
    if problems:
        raise ConfigurationError(problems)
    return texts


def _read_bounded(path: Path) -> str:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & stat.S_IWOTH:  # CWE-732
            raise ValueError("everybody may write to it")
        content = file.read(POLICY_FILE_BYTES_MAX + 1)
    if len(content) > POLICY_FILE_BYTES_MAX:
        raise ValueError(f"it is larger than {POLICY_FILE_BYTES_MAX} bytes")
    return content.decode("utf-8")


def _read_all(
    compiled: list[Statement], policy_files: Mapping[str, str], reader: Reader
) -> tuple[list[Policy], list[Problem]]:
    policies = reader.read([(statement, "") for statement in compiled])
    problems: list[Problem] = []
    for gone in reader.files.keys() - policy_files.keys():
        del reader.files[gone]
    for file in sorted(policy_files):
        try:
            policies += _read_file(file, policy_files[file], reader)
        except ConfigurationError as error:
            problems += error.problems
    return policies, problems


def _read_file(file: str, text: str, reader: Reader) -> list[Policy]:
    """Raises ConfigurationError."""
    known = reader.files.get(file)
    if known is not None and known[0] == text:
        return known[1]
    statements = split(text, file)
    problems = [problem for statement in statements for problem in oversized(statement)]
    if problems:
        raise ConfigurationError(problems)
    name = PurePath(file).name
    policies = reader.read(
        [(statement, f"{name}:{position}") for position, statement in enumerate(statements)]
    )
    if not _is_as_cedar_has_it(text, len(statements)):
        message = "not a Cedar policy: its policies cannot be told apart"
        raise ConfigurationError([Problem(message, fix="Write it plainly", file=file, line=1)])
    problems = [problem for policy in policies for problem in _unfit(policy)]
    if problems:
        raise ConfigurationError(problems)
    reader.files[file] = (text, policies)
    return policies


def _is_as_cedar_has_it(text: str, count: int) -> bool:
    """Where a policy ends must be where we think it does, or one could be overlooked."""
    try:
        return count_policies(text) == count
    except ValueError:
        return False


def _unfit(policy: Policy) -> Iterable[Problem]:
    file, line = policy.statement.file, policy.statement.line
    if not is_understood(policy.form):
        yield Problem(
            "its head is of a form that is not known here",
            fix="Put into a condition what it says",
            file=file,
            line=line,
        )
    if policy.id.startswith(ROLE_PREFIX):
        yield Problem(
            f"the id begins with `{ROLE_PREFIX}`, which is for what is compiled from `roles`",
            fix="Choose another @id",
            file=file,
            line=line,
        )
    if len(policy.id) > ID_CHARS_MAX or not policy.id.isprintable():
        yield Problem(
            "the id is too long or has control characters",
            fix=f"Use at most {ID_CHARS_MAX} printable characters in @id",
            file=file,
            line=line,
        )
    if policy.unfit:
        yield Problem(
            policy.unfit,
            fix="See docs/how-to/ask-a-person.md, or remove the annotation",
            file=file,
            line=line,
        )
    if policy.shown and (len(policy.shown) > SHOWN_CHARS_MAX or not policy.shown.isprintable()):
        yield Problem(
            "the text of @shown is too long or has control characters",
            fix=f"Use at most {SHOWN_CHARS_MAX} printable characters, on one line",
            file=file,
            line=line,
        )


def _doubled(policies: Iterable[Policy]) -> list[Problem]:
    first: dict[str, Policy] = {}
    problems: list[Problem] = []
    for policy in policies:
        other = first.setdefault(policy.id, policy)
        if other is not policy:
            problems.append(
                Problem(
                    f"the id `{policy.id}` is also that of {other.statement.file}:{other.statement.line}",
                    fix="Give each policy an @id of its own",
                    file=policy.statement.file,
                    line=policy.statement.line,
                )
            )
    return problems


def _faulty(policies: list[Policy], reader: Reader) -> list[Problem]:
    """Check against the schema, one of each shape. Arguments and fields of rows are unknown to it, so what
    reads them is left out."""
    fresh = [policy for policy in policies if policy.statement.text not in reader.sound]
    of_calls = [policy for policy in fresh if ROW_ACTION not in policy.actions]
    of_rows = [policy for policy in fresh if ROW_ACTION in policy.actions]
    problems: dict[_Fault, Problem] = {}
    for group in (of_calls, of_rows):
        schema = schema_text(with_rows=group is of_rows)
        by_shape = {_shape(policy): policy for policy in group}
        if _faults_in(list(by_shape.values()), schema):
            problems |= _faults_in(group, schema)
    if not problems:
        reader.sound.update(policy.statement.text for policy in fresh)
    return list(problems.values())


def _shape(policy: Policy) -> Hashable:
    """Return what decides whether a policy fits the schema: without conditions these are the types in its head,
    and which of all keys, roles and tools it names is no matter."""
    if policy.conditional:
        return policy.statement.text
    form = policy.form
    return _types(form["principal"]), str(form["action"]), _types(form["resource"])


def _types(head: JSON) -> Hashable:
    """Return a head without the names in it: {"op", "entity_type", "entity": {"type"}, "in": {"entity": …}}."""
    inside = head.get("in")
    return (
        head["op"],
        head.get("entity_type"),
        head["entity"]["type"] if "entity" in head else None,
        inside["entity"]["type"] if inside else None,
    )


def _faults_in(policies: list[Policy], schema: str) -> dict[_Fault, Problem]:
    problems: dict[_Fault, Problem] = {}
    for start in range(0, len(policies), CHECKED_AT_ONCE):
        group = policies[start : start + CHECKED_AT_ONCE]
        for position, message in find_faults([_checkable(policy) for policy in group], schema):
            policy = group[position]
            plain = message.replace(f"for policy `policy{position}`, ", "")
            problems.setdefault(
                (policy.id, plain),
                Problem(
                    f"`{policy.id}` does not fit the schema: {plain}",
                    fix="See `yett policy show --schema` for what a policy may speak of",
                    file=policy.statement.file,
                    line=policy.statement.line,
                ),
            )
    return problems


def _checkable(policy: Policy) -> str:
    if policy.actions == (ROW_ACTION,):
        return write_text(policy.form | {"conditions": []})
    if policy.reads.reads_arguments:
        return write_text(without_arguments(policy.form))
    return policy.statement.text


def _digest(roles: Roles, compiled: list[Statement], policy_files: Mapping[str, str]) -> str:
    """Of everything that can change a decision, each part preceded by its length."""
    digest = hashlib.sha256()
    parts = [schema_text(), *sorted(roles), *(statement.text for statement in compiled)]
    for file in sorted(policy_files):
        parts += [PurePath(file).name, policy_files[file]]
    for part in parts:
        content = part.encode()
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()
