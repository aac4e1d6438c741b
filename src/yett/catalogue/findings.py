"""What is suspicious about a definition, for the person who is to approve it. Pure.

Its texts, its name (which may look like another server's), and what it says about other servers' tools. high: it is not approved unless somebody says so in so many words. low: worth a look.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from re import compile as pattern
from typing import Final, Literal, final

import msgspec

from yett.catalogue.diff import TextFindings, addresses_in, texts_in
from yett.catalogue.lock import Lock
from yett.core.operations import Kind
from yett.core.target import JSON

FINDINGS_MAX: Final = 20
_ADDRESSES_MAX: Final = 5
_WORDS_MAX: Final = 300
_LONG_NAME: Final = 8
_IMITATION: Final = 0.75
_ALIKE: Final = 0.6
_SAME_SERVER_TOOLS_MIN: Final = 3

_IDENTIFIER: Final = pattern(r"[A-Za-z][A-Za-z0-9]*(?:[_.-]+[A-Za-z0-9]+)*")
_COMPOUND: Final = pattern(r"[a-z0-9][_-]+[A-Za-z0-9]|[a-z][A-Z]")
_WORD: Final = pattern(r"\w+")
_IMPERATIVE: Final = pattern(
    r"(?i)\b(?:call(?:s|ing|ed)?|us(?:e|es|ing|ed)|invok(?:e|es|ing|ed)|runn?(?:s|ing)?|execut(?:e|es|ing)|instead|"
    r"replac\w+|supersed\w+|overrid\w+|before|after|when(?:ever)?|then|first|pass|send|must|should|never|output of|behavio\w+)\b"
)
_NAMED_AS_TOOL: Final = (
    r"(?:[`'\"]{0}[`'\"]|\b{0} (?:tool|function|server)\b|\b(?:tool|function|server) {0}\b)"
)
_LOOKS_LIKE: Final = (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"), ("5", "s"))


@final
class Finding(msgspec.Struct, frozen=True):
    """pointer: RFC 6901, into the definition; empty: all of it. says: in a few words."""

    severity: Literal["high", "low"]
    pointer: str
    says: str

    def __str__(self) -> str:
        return f"{self.pointer or 'name'}: {self.says}"


Definition = Mapping[str, JSON]


@final
class Neighbourhood:
    """The tools of all servers, as far as they are pinned or offered, ready to be compared with."""

    def __init__(self, tools: Mapping[str, Mapping[str, Definition]]) -> None:
        """tools: by server and own name."""
        self._tools = tools
        self._by_name: dict[str, list[str]] = {}
        self._by_look: dict[str, list[tuple[str, str]]] = {}
        self._by_gap: dict[str, list[tuple[str, str]]] = {}
        for server, offered in tools.items():
            for name in offered:
                look = _look(name)
                self._by_name.setdefault(name, []).append(server)
                self._by_look.setdefault(look, []).append((server, name))
                for gap in _gaps(look):
                    self._by_gap.setdefault(gap, []).append((server, name))

    def findings(self, server: str, name: str, definition: Definition) -> Iterator[Finding]:
        """Say what one tool has to do with tools of others: imitates them, or speaks of them."""
        yield from self._imitations(server, name, definition)
        yield from self._mentions(server, name, definition)

    def _imitations(self, server: str, name: str, definition: Definition) -> Iterator[Finding]:
        look = _look(name)
        for other, its_name in self._by_look.get(look, ()):
            if its_name != name:
                yield Finding("high", "", f"its name looks like `{its_name}` of `{other}`")
            elif other != server and (said := self._copy(server, other, name, definition)):
                yield said
        if len(look) < _LONG_NAME:
            return
        near = dict.fromkeys(
            found
            for gap in (look, *_gaps(look))
            for found in (*self._by_gap.get(gap, ()), *self._by_look.get(gap, ()))
        )
        for other, its_name in near:
            if other == server or _look(its_name) == look:
                continue
            if _similarity(definition, self._tools[other][its_name]) >= _ALIKE:
                yield Finding("high", "", f"its name is nearly `{its_name}` of `{other}`")

    def _copy(self, server: str, other: str, name: str, definition: Definition) -> Finding | None:
        """The same server started twice offers the same; one that pretends to be another offers a little
        of it, in other words."""
        theirs = self._tools[other][name]
        if definition.get("description") == theirs.get("description"):
            return None
        mine, its = self._tools.get(server, {}), self._tools[other]
        fewer = min(len(mine), len(its))
        if fewer >= _SAME_SERVER_TOOLS_MIN and 2 * len(mine.keys() & its.keys()) >= fewer:
            return None
        if _similarity(definition, theirs) < _IMITATION:
            return None
        return Finding("high", "/description", f"it imitates `{name}` of `{other}`")

    def _mentions(self, server: str, name: str, definition: Definition) -> Iterator[Finding]:
        own = self._tools.get(server, {})
        for pointer, text in texts_in(definition):
            found = dict.fromkeys(_IDENTIFIER.findall(text))
            for word in found:
                plain = word.partition("__")[2] or word
                owners = [other for other in self._by_name.get(plain, ()) if other != server]
                if not owners or plain in own or plain == name or pointer.endswith(f"/{word}"):
                    continue
                if not _is_named(word, text):
                    continue
                if _IMPERATIVE.search(text):
                    says = f"it says what to do with `{plain}` of `{owners[0]}`"
                    yield Finding("high", pointer, says)
                else:
                    yield Finding("low", pointer, f"it names `{plain}` of `{owners[0]}`")


def findings_of(
    server: str,
    kind: Kind,
    name: str,
    definition: Definition,
    neighbourhood: Neighbourhood,
    text_findings: TextFindings,
) -> tuple[Finding, ...]:
    """Return what is suspicious about one definition, the worst first, at most FINDINGS_MAX."""
    found: dict[Finding, None] = {}
    addresses: dict[str, str] = {}
    for pointer, text in texts_in(definition):
        for says in text_findings(text):
            found[Finding("high", pointer, says)] = None
        for address in addresses_in(text):
            addresses.setdefault(address, pointer)
    if kind is Kind.TOOL:
        found |= dict.fromkeys(neighbourhood.findings(server, name, definition))
    for address, pointer in list(addresses.items())[:_ADDRESSES_MAX] if kind is Kind.TOOL else ():
        found[Finding("low", pointer, f"it names {address}")] = None
    return tuple(sorted(found, key=lambda finding: finding.severity)[:FINDINGS_MAX])


def neighbourhood_of(
    lock: Lock, server: str = "", offered: Iterable[tuple[str, Definition]] = ()
) -> Neighbourhood:
    """Return the tools in the lock, with those that a server offers now in place of its pinned ones."""
    tools: dict[str, dict[str, Definition]] = {
        name: {tool: pin.definition for tool, pin in pins.tools.items()}
        for name, pins in lock.servers.items()
    }
    now = dict(offered)
    if server and now:
        tools[server] = {**tools.get(server, {}), **now}
    return Neighbourhood(tools)


def is_suspicious(findings: Iterable[Finding]) -> bool:
    return any(finding.severity == "high" for finding in findings)


def _look(name: str) -> str:
    """The same for names that a person may take for one another: case, separators, digits for letters."""
    look = name.replace("I", "l").lower()
    for separator in "_.-":
        look = look.replace(separator, "")
    for one, other in _LOOKS_LIKE:
        look = look.replace(one, other)
    return look


def _gaps(look: str) -> set[str]:
    """The name with one character left out: names that share one are one edit apart, or two."""
    if len(look) < _LONG_NAME:
        return set()
    return {look[:place] + look[place + 1 :] for place in range(len(look))}


def _similarity(one: Definition, other: Definition) -> float:
    return SequenceMatcher(None, _words(one), _words(other), autojunk=False).ratio()


def _words(definition: Definition) -> list[str]:
    text = definition.get("description")
    return _WORD.findall(text.lower())[:_WORDS_MAX] if isinstance(text, str) else []


def _is_named(word: str, text: str) -> bool:
    """A name of one plain word is a word, unless it is written as a name."""
    if _COMPOUND.search(word):
        return True
    return pattern(_NAMED_AS_TOOL.format(word)).search(text) is not None
