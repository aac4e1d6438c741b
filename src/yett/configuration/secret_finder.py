"""Finds secrets in what a client file or `yett.yaml` says: arguments, URLs, environment, headers.

Pure functions from text to places in it. They take too much rather than too little: what is found
wrongly lands in the vault and works as before.
"""

import itertools
import re
from collections.abc import Callable, Iterable
from typing import Final, final

import msgspec

from yett.configuration.secret_formats import (
    ISSUED,
    PLACEHOLDER,
    PRIVATE_KEY,
    REFERENCE,
    is_plain_value,
    is_secret_name,
    random_spans,
    words_of,
)

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+")
_WEB: Final = frozenset({"http", "https", "ws", "wss"})
_PORT: Final = re.compile(
    r"(?:\[[0-9A-Fa-f:.%]+\]|[^:@]*)(?::[0-9]{0,5})?(?:,[^:@]*(?::[0-9]{1,5})?)*"
)
_HOST_FOLLOWS: Final = re.compile(r"(?:\[|[A-Za-z0-9_.-]+(?::[0-9]{1,5})?(?:[/?#,]|$))")
_PARAMETER: Final = re.compile(r"[?&;#]([^=&;#\s]{1,64})=([^&#\s]*)")
_FLAG: Final = re.compile(r"(-{0,2}[A-Za-z][A-Za-z0-9_.-]*)=(.*)", re.DOTALL)
_HEADER_LINE: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,63})\s*:\s?(.*)", re.DOTALL)
_QUOTED: Final = re.compile(
    r"-{0,2}[\"']?([A-Za-z][A-Za-z0-9_.-]{1,63})[\"']?(?:\s*[:=]\s*|\s+)([\"'])(.*?)\2", re.DOTALL
)
_ASSIGNED: Final = re.compile(
    r"(?<![A-Za-z0-9_.-])-{0,2}([A-Za-z][A-Za-z0-9_.-]{1,63})(?:\s*[=:]\s*|\s+)"
    r"(?:(?:Bearer|Basic|Token)\s+)?(\$\{[^{}]*\}|[^\s\"'&;,{}\[\]]+)",
    re.IGNORECASE,
)
_USER_FLAGS: Final = frozenset({"-u", "--user", "--proxy-user"})
_USER: Final = re.compile(r"([^:/]*):(.+)")
_SHELL_USER: Final = re.compile(r"(?:^|\s)(?:-u|--user)(?:\s+|=)[\"']?([^\s:\"'/]*):([^\s\"']+)")
_CLAUSE: Final = re.compile(r"(?:^|[;\s])([A-Za-z][A-Za-z0-9_. -]{1,63}?)\s*=\s*([^;]*)(?=;)")
_FLAG_ONLY: Final = re.compile(r"--?[A-Za-z][A-Za-z-]*(?:=.*)?", re.DOTALL)
_SCHEME: Final = re.compile(r"(?:Bearer|Basic|Token|Digest|ApiKey|Api-Key)\s+", re.IGNORECASE)
_NATIVE_DSN: Final = re.compile(r"[\w.+-]+:(.+)@(?:[a-z]+\(|[\w.-]+(?::[0-9]+)?(?:/|$))")


@final
class Finding(msgspec.Struct, frozen=True, order=True):
    """start, end: where the secret stands in the text. hint: what it might be called."""

    start: int
    end: int
    hint: str


def find_in_text(text: str, *, hint: str = "secret") -> list[Finding]:
    """Find secrets by their own form, in URLs, and in assignments such as `password=…`."""
    found = [*find_issued(text, hint=hint), *_in_urls(text), *_assigned(text)]
    found += [Finding(start, end, hint) for start, end in random_spans(text)]
    return merged(text, found)


def find_in_url(text: str) -> list[Finding]:
    """Find the password before the host, secret parameters, and secrets in the path."""
    return find_in_text(text, hint="token")


def find_in_argument(argument: str, *, previous: str = "") -> list[Finding]:
    """Find secrets in one element of a command line; `previous` is the element before it."""
    flag = _FLAG.fullmatch(argument)
    if flag:
        inner = _by_name(flag[1], flag[2]) or find_in_argument(flag[2])
        offset = flag.start(2)
        found = [Finding(f.start + offset, f.end + offset, f.hint) for f in inner]
        return merged(argument, [*found, *find_in_text(argument)])
    found = find_in_text(argument)
    header = _HEADER_LINE.fullmatch(argument)
    if header and "://" not in header[1] + argument[header.end(1) :][:3]:
        offset = header.start(2)
        inner = find_in_header(header[1], header[2])
        found += [Finding(f.start + offset, f.end + offset, f.hint) for f in inner]
    if previous.startswith("-") and "=" not in previous and not _FLAG_ONLY.fullmatch(argument):
        found += _by_name(previous, argument)
    if previous in _USER_FLAGS:
        found += _of_users([_USER.fullmatch(argument)])
    return merged(argument, found)


def find_in_environment(name: str, value: str) -> list[Finding]:
    """Find secrets in the value of an environment variable; a reference (`secret:…`) is none."""
    if value.startswith("secret:") or REFERENCE.fullmatch(value):
        return []
    return merged(value, _by_name(name, value) or find_in_argument(value))


def find_in_header(name: str, value: str) -> list[Finding]:
    """Find secrets in the value of an HTTP header; the scheme before a token is not part of it."""
    if is_secret_name(name) and value.strip() and not REFERENCE.fullmatch(value):
        scheme = _SCHEME.match(value)
        start = scheme.end() if scheme else 0
        if REFERENCE.fullmatch(value[start:]):
            return []
        return [Finding(start, len(value), _hint(name))]
    return find_in_text(value, hint=_hint(name))


def masked(text: str, findings: Iterable[Finding]) -> str:
    """Return the text with `***` in place of each finding."""
    return replaced(text, findings, lambda _: "***")


def replaced(text: str, findings: Iterable[Finding], substitute: Callable[[Finding], str]) -> str:
    """Return the text with what `substitute` says in place of each finding."""
    parts, done = [], 0
    for finding in sorted(findings):
        parts += [text[done : finding.start], substitute(finding)]
        done = finding.end
    return "".join([*parts, text[done:]])


def merged(text: str, findings: Iterable[Finding]) -> list[Finding]:
    """Sort, join what overlaps, and drop what is empty or only refers to a secret."""
    result: list[Finding] = []
    for finding in sorted(findings):
        if _is_reference(text, finding):
            continue
        if result and finding.start < result[-1].end:
            last = result[-1]
            result[-1] = Finding(last.start, max(last.end, finding.end), last.hint)
        else:
            result.append(finding)
    return result


def _is_reference(text: str, finding: Finding) -> bool:
    """Say whether nothing but references to secrets stands there, or part of one."""
    value = text[finding.start : finding.end]
    if any(
        match.start() <= finding.start and finding.end <= match.end()
        for match in PLACEHOLDER.finditer(text)
    ):
        return True
    literal = PLACEHOLDER.sub("", value)
    if value == "" or REFERENCE.fullmatch(value):
        return True
    return literal != value and not any(map(str.isalnum, literal))


def _by_name(name: str, value: str) -> list[Finding]:
    """Decide by the name alone; a connection string is looked into instead of taken whole."""
    if not is_secret_name(name) or is_plain_value(name, value):
        return []
    if "://" in value:
        inner = find_in_text(value)
        return inner or ([] if _URL.fullmatch(value) else [Finding(0, len(value), _hint(name))])
    if "dsn" in words_of(name):
        native = _NATIVE_DSN.match(value)
        inner = [Finding(*native.span(1), "password")] if native else _assigned(value)
        return inner or [Finding(0, len(value), _hint(name))]
    scheme = _SCHEME.match(value)
    return [Finding(scheme.end() if scheme else 0, len(value), _hint(name))]


def find_issued(text: str, *, hint: str = "secret") -> list[Finding]:
    """Find secrets by their own form alone."""
    matches = [*PRIVATE_KEY.finditer(text), *ISSUED.finditer(text)]
    return [Finding(match.start(), match.end(), hint) for match in matches]


def _assigned(text: str) -> list[Finding]:
    found = _of_users(_SHELL_USER.finditer(text))
    matches = [p.finditer(text) for p in (_QUOTED, _ASSIGNED, _CLAUSE)]
    for match in itertools.chain(*matches):
        name, value, group = match[1], match[match.lastindex or 0], match.lastindex or 0
        spaced = text[match.end(1) : match.start(group)].strip(" \"'") == ""
        if spaced and not text[match.start() : match.start(1)].startswith("-"):
            continue  # `token abc` is prose; `--token abc` is not
        if is_secret_name(name) and not is_plain_value(name, value) and "://" not in value:
            found.append(Finding(*match.span(group), _hint(name)))
    return found


def _of_users(pairs: Iterable[re.Match[str] | None]) -> list[Finding]:
    """Take the second half of `user:password`, unless it is a user and a group (`1000:1000`)."""
    return [
        Finding(*pair.span(2), "password")
        for pair in pairs
        if pair is not None and pair[1] != pair[2] and not pair[2].isdigit()
    ]


def _in_urls(text: str) -> list[Finding]:
    found: list[Finding] = []
    for match in _URL.finditer(text):
        scheme, rest = match.group().split("://", 1)
        start = match.start() + len(scheme) + 3
        found += _in_authority(rest, start, scheme.lower())
        found += [
            Finding(start + pair.start(2), start + pair.end(2), _hint(pair[1]))
            for pair in _PARAMETER.finditer(rest)
            if is_secret_name(pair[1]) and not is_plain_value(pair[1], pair[2])
        ]
    return found


def _in_authority(rest: str, start: int, scheme: str) -> list[Finding]:
    """Find the password in `user:password@host`; the last `@` before the host ends it."""
    at = _end_of_userinfo(rest, scheme)
    if at < 0:
        return []
    colon = rest.find(":", 0, at)
    if colon >= 0:
        found = [Finding(start + colon + 1, start + at, "password")]
        user = random_spans(rest[:colon])
        return [Finding(start, start + colon, "user"), *found] if user else found
    # Alone it is a name (`git@`), unless it stands in a web address or looks random.
    if scheme in _WEB or random_spans(rest[:at]):
        return [Finding(start, start + at, "token")]
    return []


def _end_of_userinfo(rest: str, scheme: str) -> int:
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    at = authority.rfind("@")
    if scheme in _WEB and (at >= 0 or _PORT.fullmatch(authority)):
        return at
    # A password may hold `/`, `?` or `#` that nobody escaped: take the last `@` that a host follows.
    for match in reversed(list(re.finditer("@", rest))):
        if _HOST_FOLLOWS.match(rest, match.end()):
            return match.start()
    return at


def _hint(name: str) -> str:
    return "-".join(words_of(name)) or "secret"
