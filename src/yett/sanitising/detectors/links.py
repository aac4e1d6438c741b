r"""Links that carry data away once they are shown or followed, or that run code (THREATS C09, CWE-601).

An image is fetched as soon as an agent's client shows it, so one whose address has room for data in it
is enough to lose a conversation. Nothing is fetched here to find out.
"""

import base64
import binascii
import re
from collections.abc import Container
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from yett.sanitising.detectors.rules import Check, Rule, anything

_LOOKS: Final = frozenset(
    ["style", "branch", "logo", "logocolor", "label", "labelcolor", "color", "v", "version", "raw", "s", "size", "sz", "w", "width", "h", "height", "sanitize", "svg", "flat", "event", "job", "theme", "format", "fit", "auto", "dpr", "cacheseconds", "maxage", "repo", "type", "year", "square", "lang", "ref", "t", "utm_source", "utm_medium", "utm_campaign", "page", "workflow", "query_only", "flag", "class", "bg"]
)  # fmt: skip
"""What addresses of pictures say about their looks and version."""
_BLANK: Final = re.compile(r"\{[^}]*\}|\[[^\]]*\]|<[^>]*>|\$[\w{(]|%7B|%5B|\.\.\.$|YOUR_|INSERT|BASE64|(?<![A-Za-z])(?:DATA|SECRET|TOKEN|HISTORY|CONTENT|PROMPT)(?![A-Za-z])")  # fmt: skip
"""A place to be filled in by whoever reads it."""
_LONG_VALUE: Final = 32
_LONG_LABEL: Final = 40
_LABEL_REACH: Final = 300
_HOST_IN_TEXT: Final = re.compile(r"^\s*(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,18})(?:[/:?#]|\s*$)", re.IGNORECASE)  # fmt: skip
_ACTIVE_IN_PICTURE: Final = re.compile(rb"<script|\son[a-z]+ *=|javascript:|<foreignobject", re.IGNORECASE)  # fmt: skip


def carries_data(address: str) -> bool:
    """Tell whether an address has something in it that says more than what is to be shown."""
    try:
        parts = urlsplit(address)
        values = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return True
    host = parts.hostname or ""
    if _BLANK.search(unquote(address)) or parts.username is not None:
        return True
    if any(len(label) >= _LONG_LABEL for label in host.split(".")):
        return True
    return any(name.lower() not in _LOOKS or len(value) >= _LONG_VALUE for name, value in values)


def host_of(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def is_allowed(host: str, hosts: Container[str]) -> bool:
    """Tell whether the operator has named a host, or a domain that it is in."""
    labels = host.split(".")
    return any(".".join(labels[place:]) in hosts for place in range(len(labels)))


def _picture(match: Any) -> bool:
    return carries_data(match.group(1).decode("utf-8", "replace"))


def _marked_picture(match: Any) -> bool:
    """Markdown: a picture is a link with `!` before it."""
    label = _label_start(match)
    is_nested = b"](" in match.string[label : match.start()]  # the label of a link is a picture
    return (
        label > 0 and match.string[label - 1 : label] == b"!" and not is_nested and _picture(match)
    )


def _referred_picture(match: Any) -> bool:
    """Markdown: a picture may have its address elsewhere, under a label."""
    label = match.group(1)
    used: int = match.string.find(b"][" + label + b"]")
    opened: int = match.string.rfind(b"![", max(0, used - _LABEL_REACH), max(0, used))
    return opened >= 0 and carries_data(match.group(2).decode("utf-8", "replace"))


def _marked_link(match: Any) -> bool:
    """A link is only followed by somebody, so it takes a place to be filled in, or much in it."""
    return match.string[max(0, _label_start(match) - 1) :][:1] != b"!" and _link(match)


def _link(match: Any) -> bool:
    address = match.group(1).decode("utf-8", "replace")
    try:
        values = parse_qsl(urlsplit(address).query)
    except ValueError:
        return False
    return any(
        _BLANK.search(value) or (len(value) >= _LONG_LABEL and " " not in value)
        for _, value in values
    )


def _misleading(match: Any) -> bool:
    """What is shown is an address of another site than the one it leads to."""
    start = _label_start(match)
    if match.string[max(0, start - 1) : start] == b"!":
        return False
    label = match.string[start + 1 : match.start() + _LABEL_REACH]
    said = _HOST_IN_TEXT.match(label.partition(b"](")[0].decode("utf-8", "replace"))
    host = host_of(match.group(1).decode("utf-8", "replace"))
    return said is not None and bool(host) and _domain(host) != _domain(said[1].lower())


def _label_start(match: Any) -> int:
    """Return where the `[` before a match stands."""
    start: int = match.string.rfind(b"[", max(0, match.start() - _LABEL_REACH), match.start())
    return start


def _domain(host: str) -> str:
    return ".".join(host.split(".")[-2:])


def _active_picture(match: Any) -> bool:
    """An SVG is a page: one that holds a script is no picture (THREATS P22)."""
    coded, body = match.group(1), match.group(2)
    try:
        text = base64.b64decode(body + b"=" * (-len(body) % 4)) if coded else unquote(body.decode("latin-1")).encode()  # fmt: skip
    except (binascii.Error, ValueError):
        return True
    return _ACTIVE_IN_PICTURE.search(text) is not None


def _rule(
    name: str,
    pattern: str,
    hint: str,
    check: Check = anything,
    *,
    group: int = 0,
    shape: bool = False,
) -> Rule:
    return Rule(name, pattern.encode(), hint.encode(), check, group, "link", shape)


_ADDRESS: Final = r"((?i:https?:)?//[^\s)>\"'\\]+)"
_WITH_DATA: Final = r"((?i:https?:)?//[^\s)>\"'\\?@{\[$]*[?@{\[$][^\s)>\"'\\]*)"
_TAGS: Final = "img|image|iframe|embed|object|video|audio|source|track|link|input|frame|script"

RULES: Final = (
    _rule("image", rf"\]\(\s*<?{_WITH_DATA}", r"\]\([^)\s]*[?@{$\[]", _marked_picture, group=1, shape=True),
    _rule("image", rf"\n\s*\[([^\]\n]+)\]:\s*<?{_WITH_DATA}", r"\]: *<?(?i:http|//)", _referred_picture, group=2),
    _rule("image", rf"<(?i:{_TAGS})\b[^>]*\b(?i:src|srcset|href|data|poster|background)\s*=\s*[\"']?{_WITH_DATA}", rf"<(?i:{_TAGS})[^a-z]", _picture, group=1),
    _rule("image", rf"(?i:url)\(\s*[\"']?{_WITH_DATA}", r"(?i:url)\(", _picture, group=1),
    _rule("link", rf"\]\(\s*<?{_WITH_DATA}", r"\]\([^)\s]*[?]", _marked_link, group=1, shape=True),
    _rule("link", rf"<(?i:a|form|area)\b[^>]*\b(?i:href|action)\s*=\s*[\"']?{_WITH_DATA}", r"<(?i:a|form|area)[^a-z]", _link, group=1),
    _rule("misleading", rf"\.[A-Za-z]{{2,18}}(?:[/?#:][^\]\s]*)?\]\(\s*<?{_ADDRESS}", r"\.[a-z]{2,4}\]\(|\.(?:com|org|net|io|gov|edu|bank|app|dev)/[^\]\s]*\]\(", _misleading, group=1, shape=True),
    _rule("script", r"(?:\]\(\s*<?|\b(?i:href|src|action|formaction|data|xlink:href)\s*=\s*[\"']?|^\s*)((?i:javascript|vbscript|livescript)\s*:[^\s)\"'>]{1,400})", r"(?i:javascript|vbscript|livescript)", group=1),
    _rule("data", r"((?i:data:text/html|data:application/xhtml)[^\s)\"'>]+)", r"(?i:data:text/html|data:application/xhtml)", group=1),
    _rule("data", r"(?i:data:image/svg\+xml)[^,]{0,60}?(;base64)?,([^\s)\"'>]+)", r"(?i:data:image/svg)", _active_picture),
)  # fmt: skip
