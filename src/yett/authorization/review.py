"""What in a sound policy set is probably not meant: told by `yett policy check`, never enforced. Pure."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import final

import msgspec

from yett.authorization.conditions import Uid
from yett.authorization.config import Roles
from yett.authorization.covering import Covers
from yett.authorization.emptiness import never_holds
from yett.authorization.fitting import Fitting
from yett.authorization.offers import Offer
from yett.authorization.policies import ANY, RESOURCE_TYPES, ROW_ACTION, Policy


@final
class Note(msgspec.Struct, frozen=True):
    """file, line: of the policy; "roles" and 0 for what is compiled. serious: the policy does not do what
    it looks like."""

    message: str
    file: str
    line: int = 0
    serious: bool = False

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.message}"


@final
class House(msgspec.Struct, frozen=True, kw_only=True):
    """What there is besides policies. servers: those that are configured. offers: what is approved.
    fitting: what policies read of it. keys: ids of all keys; None: not known."""

    servers: Collection[str]
    offers: Sequence[Offer] = ()
    fitting: Fitting | None = None
    keys: Collection[str] | None = None
    by_place: dict[Uid, Offer] = {}
    """The offers, by kind and key; made here, never handed in."""

    def __post_init__(self) -> None:
        by_place = {(offer.kind, offer.key): offer for offer in self.offers}
        msgspec.structs.force_setattr(self, "by_place", by_place)


def review(roles: Roles, policies: Sequence[Policy], house: House) -> list[Note]:
    """Return what a reader should look at again, roles first."""
    notes = [note for role, grants in roles.items() for note in _idle_grants(role, grants)]
    covers = Covers(policies)
    for policy in policies:
        wrongs = [*_wrongs(policy, roles, house)]
        if not wrongs and (why := covers.of(policy)):
            wrongs.append(why)
        doubts = [] if wrongs else _doubts(policy, house)
        notes += [_note(policy, wrong, serious=True) for wrong in wrongs]
        notes += [_note(policy, doubt, serious=False) for doubt in doubts]
    return [*notes, *_unchecked(policies, house)]


def _unchecked(policies: Sequence[Policy], house: House) -> Iterator[Note]:
    if house.fitting is None or not any(policy.reads.reads_arguments for policy in policies):
        return
    known = {offer.server for offer in house.offers}
    for server in sorted(set(house.servers) - known):
        yield Note(
            f"of `{server}` nothing is approved yet, so what policies read of its arguments is not checked",
            "policies",
        )


def _note(policy: Policy, message: str, *, serious: bool) -> Note:
    statement = policy.statement
    return Note(f"`{policy.id}` {message}", statement.file, statement.line, serious)


def review_rows(policies: Iterable[Policy], tools: Collection[str]) -> list[Note]:
    """Return what about rows does nothing. tools: `server/tool` of those whose rows can be told apart."""
    about_rows = [policy for policy in policies if ROW_ACTION in policy.actions]
    notes = [
        Note(
            f"`{policy.id}` is about rows of what no tool has `rows` for, so it does nothing",
            policy.statement.file,
            policy.statement.line,
        )
        for policy in about_rows
        if not any(_reaches(policy, tool) for tool in tools)
    ]
    permits = [policy for policy in about_rows if policy.effect == "permit"]
    notes += [
        Note(f"`{tool}` has rows, and no policy shows one to anybody", "policies")
        for tool in sorted(tools)
        if not any(_reaches(policy, tool) for policy in permits)
    ]
    return notes


def _reaches(policy: Policy, tool: str) -> bool:
    server = tool.partition("/")[0]
    return policy.resource in (ANY, ("Tool", tool), ("Server", server))


def _idle_grants(role: str, grants: tuple[str, ...]) -> Iterator[Note]:
    for position, grant in enumerate(grants):
        name, _, access = grant.rpartition(":")
        wide = f"{name.partition('.')[0]}.*:{access}"
        if grant in grants[:position]:
            yield Note(f"`{role}` has `{grant}` twice", "roles")
        elif grant != wide and wide in grants:
            yield Note(f"`{role}` has `{grant}`, which `{wide}` already covers", "roles")


def _wrongs(policy: Policy, roles: Roles, house: House) -> Iterator[str]:
    """What makes a policy other than it looks."""
    unknown = [*_unknown_names(policy, roles, house)]
    yield from unknown
    if policy.principal is None or policy.resource is None or not policy.actions:
        yield "never applies to a call: its head fits nobody and nothing"
    elif why := never_holds(policy):
        yield f"never applies to a call: {why}"
    elif house.fitting is not None and not unknown:
        yield from house.fitting.doubts(policy)
    yield from _wrong_action(policy, house)


def _unknown_names(policy: Policy, roles: Roles, house: House) -> Iterator[str]:
    uids = {uid for uid in (policy.principal, policy.resource, *policy.reads.entities) if uid}
    for kind, name in sorted(uids):
        server = _server_of(kind, name)
        if kind == "Role" and name not in roles:
            yield (
                f"speaks of the role `{name}`, which the configuration does not define"
                f"{_did_you_mean(name, roles)}"
            )
        elif kind == "Key" and name and house.keys is not None and name not in house.keys:
            yield f"speaks of the key `{name}`, which there is not{_did_you_mean(name, house.keys)}"
        elif server and server not in house.servers:
            yield (
                f"speaks of the server `{server}`, which is not configured"
                f"{_did_you_mean(server, house.servers)}"
            )
        elif kind in {"Tool", "Prompt"}:
            yield from _unknown_offer(kind, name, house)


def _unknown_offer(kind: str, name: str, house: House) -> Iterator[str]:
    """Only of servers of which something is approved: of others nothing is known yet."""
    if (kind, name) in house.by_place:
        return
    server = name.partition("/")[0]
    known = [offer for offer in house.offers if offer.server == server]
    if known:
        names = [offer.key for offer in known if offer.kind == kind]
        yield (
            f"speaks of the {kind.lower()} `{name}`, which is not approved"
            f"{_did_you_mean(name, names)}"
        )


def _wrong_action(policy: Policy, house: House) -> Iterator[str]:
    if policy.resource is None or policy.resource[0] != "Tool" or ROW_ACTION in policy.actions:
        return
    offer = house.by_place.get(policy.resource)
    if offer is not None and offer.access not in policy.actions:
        yield (
            f"never applies to a call: it is about `{'`, `'.join(policy.actions)}`, "
            f"and `{offer.key}` is approved as `{offer.access}`"
        )


def _doubts(policy: Policy, house: House) -> Iterator[str]:
    for argument in policy.reads.unguarded:
        if house.fitting is not None and house.fitting.requires(policy, argument):
            continue  # a call without it is refused anyway
        yield (
            f"uses `context.arguments.{argument}` without asking `context.arguments has {argument}`: "
            "a call without it is denied"
        )


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, known, 1)
    return f"; did you mean `{close[0]}`?" if close else ""


def _server_of(kind: str, name: str) -> str:
    if kind in RESOURCE_TYPES:
        return name.partition("/")[0]
    return name if kind == "Server" or kind.startswith("is ") else ""
