"""What the arguments of a tool may be, guessed from their names and schemas: proposals for a person. Pure.

A server writes both, so nothing here is decided by them: what is proposed stands in `yett.yaml` only
after somebody has read it.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from yett.core.pointer import join_pointer
from yett.core.target import JSON

Proposals = dict[str, Any]
"""By name or JSON Pointer, a kind as in `yett.yaml`."""

_DEPTH_MAX: Final = 4
_PLACES_MAX: Final = 200
_PROPOSED_MAX: Final = 40
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ABOUT_SQL: Final = re.compile(
    r"\b(?:sql|select|database|postgres\w*|sqlite|mysql|tables?)\b", re.IGNORECASE
)
_ABOUT_MAIL: Final = re.compile(r"\be-?mails?\b|\bmail\b", re.IGNORECASE)
_ABOUT_REGEX: Final = re.compile(r"\bregex\w*\b|\bregular expressions?\b", re.IGNORECASE)
_DIALECTS: Final = (
    ("sqlite", "sqlite"),
    ("mysql", "mysql"),
    ("mssql", "mssql"),
    ("sql server", "mssql"),
)

_BY_FORMAT: Final = {
    "uri": "url", "url": "url", "iri": "url", "email": "email", "hostname": "host", "ipv4": "host",
    "ipv6": "host", "regex": "regex",
}  # fmt: skip
_BY_WORD: Final = {
    "sql": "sql",
    **dict.fromkeys(("path", "paths", "file", "files", "filename", "filepath", "pathname", "directory", "dir", "folder", "cwd"), "path"),
    **dict.fromkeys(("url", "urls", "uri", "endpoint", "webhook", "link", "href"), "url"),
    **dict.fromkeys(("command", "cmd", "argv"), "command"),
    **dict.fromkeys(("email", "emails"), "email"),
    **dict.fromkeys(("host", "hostname"), "host"),
    **dict.fromkeys(("regex", "regexp"), "regex"),
    "template": "template",
    **dict.fromkeys(("branch", "revision", "ref", "commit", "tag"), "pattern"),
}  # fmt: skip
"""By the last word of a name."""

_BY_TALK: Final = (
    (frozenset({"query", "statement", "queries"}), _ABOUT_SQL, "sql"),
    (frozenset({"to", "cc", "bcc", "recipient", "recipients", "sender"}), _ABOUT_MAIL, "email"),
    (frozenset({"pattern"}), _ABOUT_REGEX, "regex"),
)
"""By the last word of a name, if the tool talks of it, too."""

_EXAMPLES: Final[dict[str, Any]] = {
    "command": {"kind": "command", "programs": {"git": ["status", "log"]}},
    "url": {"kind": "url", "hosts": ["api.example.com"]},
    "host": {"kind": "host", "hosts": ["db.example.com"]},
    "pattern": {"kind": "pattern", "pattern": "[A-Za-z0-9_][A-Za-z0-9_./-]{0,200}"},
    "forced": {"kind": "forced", "value": "principal.tenant"},
}


def propose(definition: JSON, command: Sequence[str] = ()) -> Proposals:
    """Return what could be said about the arguments of a tool; hosts, roots and programs are examples.

    command: how the server is started; absolute folders in it are taken for the roots of paths.
    """
    if not isinstance(definition, dict):
        return {}
    talk = f"{definition.get('name', '')} {definition.get('description', '')}"[:10_000]
    found: Proposals = {}
    for pointer, name, schema in _texts(definition.get("inputSchema")):
        kind = _kind_of(name, schema, talk.replace("_", " "))
        if kind is not None and len(found) < _PROPOSED_MAX:
            found[pointer] = _written(kind, talk, command, is_list="items" in schema)
    return found


def _texts(root: JSON) -> Iterator[tuple[str, str, dict[str, JSON]]]:
    """Yield the place, the name and the schema of each property that is a text, or a list of texts."""
    waiting: list[tuple[str, JSON, int]] = [("", root, 0)]
    seen = 0
    while waiting:
        above, schema, depth = waiting.pop(0)
        properties = schema.get("properties") if isinstance(schema, dict) else None
        for name, sub in properties.items() if isinstance(properties, dict) else ():
            seen += 1
            if not isinstance(sub, dict) or not name or seen > _PLACES_MAX:
                continue
            pointer = above + join_pointer((name,))
            items = sub.get("items")
            if _is_text(sub) or (isinstance(items, dict) and _is_text(items)):
                plain = not above and not name.startswith("/")
                yield (name if plain else pointer), name, sub
            elif depth < _DEPTH_MAX:
                waiting += [(pointer, sub, depth + 1), (f"{pointer}/*", items, depth + 1)]


def _is_text(schema: dict[str, JSON]) -> bool:
    if "enum" in schema or "const" in schema:
        return False  # the schema says all there is to say
    types, options = schema.get("type"), schema.get("anyOf")
    if isinstance(options, list):
        return any(isinstance(option, dict) and _is_text(option) for option in options)
    return types == "string" or (isinstance(types, list) and "string" in types)


def _kind_of(name: str, schema: dict[str, JSON], talk: str) -> str | None:
    if (by_format := _BY_FORMAT.get(str(schema.get("format")))) is not None:
        return by_format
    words = [word.lower() for word in _WORDS.findall(name)] or [name.lower()]
    if words in (["tenant"], ["tenant", "id"]):
        return "forced"
    talk = f"{talk} {schema.get('description', '')}"[:20_000]
    for last, about, proposed in _BY_TALK:
        if words[-1] in last and about.search(talk):
            return proposed
    return _BY_WORD.get(words[-1])


def _written(kind: str, talk: str, command: Sequence[str], *, is_list: bool) -> Any:
    if kind == "path":
        return {"kind": "path", "roots": _roots(command) or ["/srv/data"]}
    if kind == "sql":
        lower = f"{talk} {' '.join(command)}".lower()
        return {
            "kind": "sql",
            "dialect": next((to for mark, to in _DIALECTS if mark in lower), "postgres"),
        }
    if kind == "command" and not is_list:
        return {**_EXAMPLES[kind], "line": True}
    return _EXAMPLES.get(kind, kind)


def _roots(command: Sequence[str]) -> list[str]:
    """Take folders for roots that are named on the command line, but no programs and no files."""
    named = [
        PurePosixPath(word) for word in command[1:] if word.startswith("/") and ".." not in word
    ]
    return [str(path) for path in named if not path.suffix]
