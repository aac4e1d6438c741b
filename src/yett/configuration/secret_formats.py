"""What secrets look like: the names they go by, the forms that issuers give them, and plain chance."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

# Issuers put a prefix on their tokens so that scanners such as this one can know them.
_ISSUED: Final = (
    r"gh[opsur]_[A-Za-z0-9]{16,}",
    r"github_pat_[A-Za-z0-9_]{20,}",
    r"gl(?:pat|dt|rt|cbt|ptt|ft|oas|imt|agent|soat)-[A-Za-z0-9_-]{16,}",
    r"sk-[A-Za-z0-9_-]{16,}",
    r"(?:sk|rk|pk)_(?:live|test|prod)_[A-Za-z0-9]{8,}",
    r"xox[abeoprs](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}",
    r"xapp-[A-Za-z0-9-]{10,}",
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
    r"(?:ABSK|bedrock-api-key-)[A-Za-z0-9+/=]{20,}",
    r"AIza[A-Za-z0-9_-]{30,}",
    r"ya29\.[A-Za-z0-9_-]{20,}",
    r"(?:ops_)?eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_=-]{4,}){0,4}",
    r"[ps]k\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{4,})?",
    r"hf_[A-Za-z]{30,}",
    r"npm_[A-Za-z0-9]{30,}",
    r"pypi-[A-Za-z0-9_-]{50,}",
    r"do[opr]_v1_[a-f0-9]{40,}",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    r"key-[0-9a-f]{32}",
    r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
    r"sntry[su]_[A-Za-z0-9+/=_-]{20,}",
    r"NRAK-[A-Z0-9]{27}",
    r"(?:hvs|hvb|hvr)\.[A-Za-z0-9_-]{20,}",
    r"(?:pplx|pul|tvly|ntn|tskey|nvapi|xai|fc|rdme|xkeysib|ctx7sk|lsv2|figd|PMAK)[-_][A-Za-z0-9_-]{20,}",
    r"(?:gsk|r8|secret|sbp|glsa|glc|ph[xc]|apify_api|lin_api|dckr_pat|FlyV1|sq0[a-z]{3})[-_][\w-]{20,}",
    r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,}",
    r"EAAA[A-Za-z0-9_-]{40,}",
    r"ATATT3[A-Za-z0-9_=-]{20,}",
    r"dapi[a-f0-9]{32}",
    r"AGE-SECRET-KEY-1[A-Z0-9]{30,}",
    r"A3-[A-Z0-9]{6}-[A-Z0-9-]{20,}",
    r"sk_[A-Za-z0-9@_.$-]{20,}",
    r"yett_(?:live|test)_[A-Za-z0-9_-]{16,}",
)
ISSUED: Final = re.compile(r"(?<![A-Za-z0-9])(?:" + "|".join(_ISSUED) + ")")
PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN[A-Z ]{0,30} PRIVATE KEY(?: BLOCK)?-----(?:.*?-----END[A-Z ]{0,30}-----|.*)",
    re.DOTALL,
)

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS: Final = frozenset({
    "token", "key", "secret", "password", "passwd", "passphrase", "pass", "pwd", "pat",
    "credential", "credentials", "auth", "authorization", "bearer", "dsn", "jwt", "cookie",
    "apikey", "authtoken", "accesstoken", "refreshtoken", "clientsecret", "accesskey",
    "secretkey", "privatekey", "authkey", "licensekey", "dbpassword", "accountkey",
    "sharedaccesskey", "pgpassword", "webhooksecret",
})  # fmt: skip
_STRICT_WORDS: Final = frozenset(
    ["password", "passwd", "passphrase", "pwd", "secret", "pgpassword", "dbpassword"]
)
# A name that ends in one of these speaks about a secret and does not hold one.
_ABOUT: Final = frozenset({
    "file", "path", "dir", "directory", "folder", "url", "uri", "endpoint", "host", "hostname",
    "port", "name", "id", "ids", "type", "mode", "method", "kind", "enabled", "enable",
    "disabled", "limit", "limits", "count", "ttl", "timeout", "expiry", "expires", "expiration",
    "length", "size", "scope", "scopes", "provider", "header", "headers", "prefix", "suffix",
    "region", "algorithm", "version", "user", "username", "domain", "issuer", "audience",
    "format", "max", "min", "rotation", "policy", "store", "backend", "service", "env", "var",
    "variable", "required", "column", "source", "mechanism", "field", "label", "index", "pair",
    "binding", "bindings", "vault", "arn",
})  # fmt: skip
_NO_SECRET: Final = re.compile(
    r"|true|false|yes|no|on|off|none|null|nil|auto|default|basic|bearer|oauth2?|jwt|token|key|api[-_]?key"
    r"|password|enabled?|disabled?|required|optional|string|prompt|stdin|[a-z]",
    re.IGNORECASE,
)
_SMALL_NUMBER: Final = re.compile(r"[0-9]{1,5}")
_FILE: Final = re.compile(r"(?:[A-Za-z]:\\|~/|\.{1,2}/|/)[\w .@+/\\-]*")
REFERENCE: Final = re.compile(
    r"(?:\$\{[^{}]*\}|\{secret:[^{}]*\}|\{\{[^{}]*\}\})+"
    r"|secret:[a-z0-9][a-z0-9_-]*|file:/.*|env:[A-Za-z_][A-Za-z0-9_]*"
)
PLACEHOLDER: Final = re.compile(r"\$\{[^{}]*\}|\{secret:[^{}]*\}|\{\{[^{}]*\}\}")

_CANDIDATE: Final = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
# A path of this machine. In base64 a `/` is as good as a letter, but none begins with a root that has a name.
_PATH: Final = re.compile(
    r"(?<![^\s\"'=:,;(\[{])(?:(?:~|\.{1,2})/|(?:file://)?/[A-Za-z][a-z]{2,15}/)[\w.+/@~-]*"
)
_PART: Final = re.compile(r"[A-Za-z0-9+_-]{20,}={0,2}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DIGEST_BEFORE: Final = re.compile(r"(?:sha(?:1|256|384|512)[:-]|@)$", re.IGNORECASE)
_ENTROPY_BITS_MIN: Final = 3.3
_CHANGES_SHARE_MIN: Final = 0.3
_HEXADECIMAL_BITS_MIN: Final = 3.0
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")


def words_of(name: str) -> list[str]:
    """Split `GITHUB_TOKEN`, `--api-key`, `clientSecret` or `X-API-Key` into lower-case words."""
    return [word.lower() for word in _WORDS.findall(name)]


def is_secret_name(name: str) -> bool:
    """Say whether something of this name holds a secret, judged by its words."""
    words = [word for word in words_of(name) if not word.isdigit()]
    if not words or words[-1] in _ABOUT:
        return False
    return any(word in _SECRET_WORDS for word in words) or "".join(words) in _SECRET_WORDS


def is_plain_value(name: str, value: str) -> bool:
    """Say whether a value cannot be the secret that its name promises: a switch, a number, a file."""
    if REFERENCE.fullmatch(value):
        return True
    if _SECRET_WORDS & _STRICT_WORDS & set(words_of(name)):
        return value == ""
    if _NO_SECRET.fullmatch(value) or _SMALL_NUMBER.fullmatch(value):
        return True
    return _FILE.fullmatch(value) is not None and not random_spans(value)


def random_spans(text: str) -> list[tuple[int, int]]:
    """Return the places of letters and digits that nobody would choose: at least 20, mixed, without words.

    Random text changes between capitals, small letters and digits at nearly every second character;
    names do so seldom. Digests after `sha256:` or `@` and UUIDs name things and are left. Each part of a path is
    judged by itself: that of a folder for a moment (`/tmp/s5-in_r3j6l`) is short.
    """
    return [
        match.span()
        for match in _candidates(text)
        if _looks_random(match.group())
        and not _UUID.search(match.group())
        and not _DIGEST_BEFORE.search(text, 0, match.start())
    ]


def _candidates(text: str) -> Iterator[re.Match[str]]:
    start = 0
    for path in _PATH.finditer(text):
        yield from _CANDIDATE.finditer(text, start, path.start())
        yield from _PART.finditer(text, *path.span())
        start = path.end()
    yield from _CANDIDATE.finditer(text, start)


def _looks_random(text: str) -> bool:
    solid = re.sub(r"[+/_=-]", "", text)
    if not (any(c.isdigit() for c in solid) and any(c.isalpha() for c in solid)):
        return False
    if _HEXADECIMAL.fullmatch(solid):
        return _entropy_bits(solid) >= _HEXADECIMAL_BITS_MIN
    changes = sum(_class(a) != _class(b) for a, b in pairwise(solid))
    return changes / len(solid) >= _CHANGES_SHARE_MIN and _entropy_bits(solid) >= _ENTROPY_BITS_MIN


def _class(character: str) -> str:
    if character.isdigit():
        return "digit"
    return "capital" if character.isupper() else "small"


def _entropy_bits(text: str) -> float:
    """Shannon entropy in bits per character."""
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts)
