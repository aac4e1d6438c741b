"""Credentials by the public form that their issuers gave them, so that scanners can find them."""

import re
from typing import Any, Final

from yett.sanitising.detectors.plausible import is_placeholder, is_random, is_varied
from yett.sanitising.detectors.rules import Check, Rule


def _varied(match: Any) -> bool:
    return is_varied(match.group())


_HINTED: Final = 2
"""Characters after a prefix that are reason enough to look. Each more is a state more of the automaton
for every letter of a text, and the fewer it has, the sooner it has seen them all."""


def _token(
    name: str, prefix: str, body: str, shortest: int, longest: int | None = None, hint: str = "",
    *, shape: bool = False,
) -> Rule:  # fmt: skip
    """A prefix that stands nowhere else, then characters of one class. hint: the part of the prefix
    that is always the same, where there is more to it."""
    most = "" if longest is None else str(longest)
    pattern = f"(?:{prefix}){body}{{{shortest},{most}}}".encode()
    hint = hint or f"(?:{prefix}){body}{{{_HINTED}}}"
    return Rule(name, pattern, hint.encode(), _varied, shape=shape)


def _form(
    name: str,
    pattern: str,
    hint: str,
    check: Check = _varied,
    *,
    group: int = 0,
    shape: bool = False,
) -> Rule:
    return Rule(name, pattern.encode(), hint.encode(), check, group, shape=shape)


_ALNUM: Final = "[A-Za-z0-9]"
_URL64: Final = "[A-Za-z0-9_-]"
_HEX: Final = "[0-9a-f]"

_TOKENS: Final = (
    _token("github-token", "gh[pousr]_", _ALNUM, 30, 255),
    _token("github-token", "github_pat_", "[A-Za-z0-9_]", 40, 255),
    _token("gitlab-token", "gl(?:pat|ptt|dt|rt|cbt|agent|oas|soat|ft|imt|ffct)-", _URL64, 20, 300),
    _token("slack-token", "xox[abcdeoprs]-", "[A-Za-z0-9-]", 15, 300),
    _token("slack-token", "xapp-[0-9]-", "[A-Za-z0-9-]", 20, 300),
    _token("slack-webhook", "hooks\\.slack\\.com/(?:services|workflows|triggers)/", "[A-Za-z0-9/]", 20, 200),
    _token("stripe-key", "(?:sk|rk)_(?:live|test|prod)_", _ALNUM, 16, 250),
    _token("stripe-webhook-secret", "whsec_", "[A-Za-z0-9+/]", 24, 100),
    _token("google-api-key", "AIza", _URL64, 35, 35),
    _token("google-oauth-secret", "GOCSPX-", _URL64, 24, 40),
    _token("google-oauth-token", "ya29\\.", _URL64, 20, 900),
    _token("anthropic-key", "sk-ant-[a-z]+[0-9]+-", _URL64, 20, 200, hint="sk-ant-"),
    _token("openai-key", "sk-(?:proj|svcacct|admin|None)-", _URL64, 20, 250),
    _token("openrouter-key", "sk-or-v1-", _HEX, 40, 80),
    _token("huggingface-token", "hf_|api_org_", _ALNUM, 30, 60),
    _token("groq-key", "gsk_", _ALNUM, 40, 80),
    _token("xai-key", "xai-", _ALNUM, 60, 120),
    _token("perplexity-key", "pplx-", _ALNUM, 40, 80),
    _token("replicate-token", "r8_", _ALNUM, 35, 45),
    _token("langsmith-key", "lsv2_(?:pt|sk)_", "[A-Za-z0-9_]", 32, 60),
    _token("npm-token", "npm_", _ALNUM, 36, 60),
    _token("pypi-token", "pypi-Ag", _URL64, 50, 900),
    _token("rubygems-key", "rubygems_", _HEX, 48, 48),
    _token("docker-token", "dckr_(?:pat|oat)_", _URL64, 24, 60),
    _token("sendgrid-key", "SG\\.[A-Za-z0-9_-]{16,32}\\.", _URL64, 30, 70, hint=r"SG\.[A-Za-z0-9_-]{2}"),
    _token("digitalocean-token", "do[opr]_v1_", _HEX, 40, 64),
    _token("shopify-token", "shp(?:at|ca|pa|ss)_", "[0-9A-Fa-f]", 32, 32),
    _token("square-token", "sq0(?:atp|csp|idp)-", _URL64, 22, 60),
    _token("vault-token", "hv[sbr]\\.", _URL64, 24, 400),
    _token("terraform-token", "[A-Za-z0-9]{14}\\.atlasv1\\.", "[A-Za-z0-9_=-]", 40, 120, hint=r"\.atlasv1\.", shape=True),
    _token("atlassian-token", "AT(?:ATT3|CTT3|BB[A-Za-z0-9])", "[A-Za-z0-9_=-]", 28, 400),
    _token("linear-key", "lin_(?:api|oauth)_", _ALNUM, 32, 64),
    _token("notion-token", "ntn_", _ALNUM, 40, 60),
    _token("figma-token", "fig[dour]_", _URL64, 36, 100),
    _token("postman-key", "PMAK-", "[A-Za-z0-9-]", 40, 64),
    _token("newrelic-key", "NR(?:AK|II|JS|RA)-", "[A-Za-z0-9]", 19, 40),
    _token("grafana-token", "gl(?:sa_|c_eyJ)", "[A-Za-z0-9_+/=]", 32, 600),
    _token("sentry-token", "sntry[su]_", "[A-Za-z0-9_+/=]", 40, 600),
    _token("doppler-token", "dp\\.(?:pt|st|ct|sa|scim|audit)\\.(?:[a-z0-9_-]{2,35}\\.)?", _ALNUM, 40, 44, hint=r"dp\.(?:pt|st|ct|sa|scim|audit)\."),
    _token("pulumi-token", "pul-", _HEX, 40, 40),
    _token("planetscale-token", "pscale_(?:tkn|pw|oauth)_", "[A-Za-z0-9_.=-]", 32, 64),
    _token("supabase-key", "sb(?:p|_secret|_publishable)_", "[A-Za-z0-9_]", 30, 64),
    _token("databricks-token", "dapi", _HEX, 32, 40),
    _token("telegram-token", "[0-9]{8,10}:AA", _URL64, 32, 36, hint="[0-9]:AA", shape=True),
    _token("airtable-token", "pat[A-Za-z0-9]{14}\\.", _HEX, 60, 64, shape=True),
    _token("onepassword-token", "ops_eyJ", "[A-Za-z0-9_+/=-]", 60),
    _token("age-key", "AGE-SECRET-KEY-1", "[0-9A-Z]", 50, 60),
    _token("readme-key", "rdme_", "[A-Za-z0-9]", 60, 80),
    _token("bedrock-key", "ABSK|bedrock-api-key-", "[A-Za-z0-9+/=]", 60, 400),
    _token("yett-key", "yett_(?:live|test)_[A-Za-z0-9]{4,40}_", _URL64, 20, 100, hint="yett_(?:live|test)_"),
)  # fmt: skip

# Cursors must come back as they were sent; the others name a public half or a count.
_NOT_SECRET: Final = re.compile(
    rb"next|page|continuation|cursor|sync|public|max|min|count|primary|foreign|idempotency",
    re.IGNORECASE,
)


def is_secret_name(name: bytes) -> bool:
    return not _NOT_SECRET.search(name)


def _assigned(match: Any) -> bool:
    return is_secret_name(match.group(1)) and is_random(match.group(2))


_WORDS_FOR_IT: Final = frozenset(
    {b"password", b"pass", b"passwd", b"pwd", b"pw", b"secret", b"token"}
)


def _password(match: Any) -> bool:
    password = match.group(1)
    return (
        len(password) >= 3  # noqa: PLR2004 - shorter is a blank
        and not _PORT.fullmatch(password)
        and password.lower() not in _WORDS_FOR_IT
        and not is_placeholder(password)
        and not _is_masked(password)
    )


def _is_masked(value: bytes) -> bool:
    return set(value.lower()) <= set(b"*x.-")


def _authorization(match: Any) -> bool:
    scheme, value = (match.group(1) or b"").strip().lower(), match.group(2)
    if scheme == b"basic":
        return len(value) >= _BASIC_MIN and not _is_masked(value) and not is_placeholder(value)
    return is_random(value)


def _curl(match: Any) -> bool:
    user, _, password = match.group(1).partition(b":")
    value = (password or user).strip(b"{}\"'")
    return len(value) >= _BASIC_MIN and not is_placeholder(value) and not _is_one_word(value)


def _is_one_word(value: bytes) -> bool:
    return value.isalpha() and (value.islower() or value.isupper() or value.istitle())


def _key_body(match: Any) -> bool:
    return bool(_KEY_LINE.search(match.group()))


_BASIC_MIN: Final = 8
_PORT: Final = re.compile(rb"[0-9]{1,5}")
_KEY_LINE: Final = re.compile(rb"[A-Za-z0-9+/]{40}")

_GAP: Final = r"(?:\\[ntrf]|\s)*"
"""White space, as it is in a text or in the JSON of one."""

_NAME_WORDS: Final = (
    r"password|passwd|passphrase|pwd|secret|token|credential|"
    r"(?:api|app|access|account|auth|private|secret|signing|encryption|service|master|admin)[ _.-]?key"
)
_NAMES: Final = f"(?i:{_NAME_WORDS})"
_SUFFIX: Final = r"(?i:s|[_-]?(?:value|base64|prod|production|dev|[0-9]))?"
_ASSIGNED: Final = rf"([A-Za-z0-9_.-]{{0,40}}{_NAMES}){_SUFFIX}[\"'\]]{{0,2}}[ \t]*(?:=>|:=|[:=])"
_ASSIGNED_HINT: Final = r"(?i:passw|phrase|pwd|secret|token|credential|key)[A-Za-z0-9_-]*[\\\"'\]]*[ \t]*(?:\\t[ \t]*)*(?:=>|[:=])=?(?:\\[ntrf]|\s)*[\\\"'`]*[^\s\"'`(){}<>]{8}"

_FORMS: Final = (
    _form("aws-access-key-id", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", "(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{2}"),
    _form("openai-key", r"\bsk-[A-Za-z0-9]{32,64}\b", "sk-[A-Za-z0-9]{4}"),
    _form("twilio-key", r"\bSK[0-9a-f]{32}\b", "SK[0-9a-f]{4}"),
    _form("mailgun-key", r"\b(?:priv)?key-[0-9a-f]{32}\b", "key-[0-9a-f]{3}"),
    _form("mailchimp-key", r"\b[0-9a-f]{32}-us[0-9]{1,2}\b", "[0-9a-f]-us[0-9]", shape=True),
    _form("azure-client-secret", r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}", r"[0-9]Q~", shape=True),
    _form("azure-storage-key", r"AccountKey=([A-Za-z0-9+/]{60,100}={0,2})", "AccountKey=", group=1),
    _form("vault-token", r"\bs\.[A-Za-z0-9]{24}\b", r"s\.[A-Za-z0-9]{16}", lambda match: is_random(match.group()[2:]), shape=True),
    _form("discord-token", r"\b[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}\b", r"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{16}", shape=True),
    _form("mapbox-token", r"\b(?i:[ps]k)\.[A-Za-z0-9]{50,100}\.[A-Za-z0-9]{20,30}", r"(?i:[ps]k)\.[A-Za-z0-9]{3}"),
    _form("octopus-key", r"\bAPI-[A-Z0-9]{26}\b", "API-[A-Z0-9]{2}"),
    _form("json-web-token", r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{8,}){2}(?:\.[A-Za-z0-9_-]+){0,2}", "eyJ[A-Za-z0-9_-]{4}"),
    _form("private-key", r"-----BEGIN[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-[^-])*(?:-----END[ A-Z0-9]{0,40}-----)?", "PRIVATE KEY", _key_body),
    _form("url-password", r"\b[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s:/@\"'<>`?#]*:([^\s/\"'<>`]+)@[A-Za-z0-9\[]", r"://[^\s:/@\"'<>`?#]*:[^\s/\"'<>`]+@", _password, group=1, shape=True),
    _form("authorization-header", r"(?i:authorization)[\"']?\s*[:=]\s*[\"']?([A-Za-z][A-Za-z-]{2,20}\s+)?([A-Za-z0-9+/_.~=-]{8,})", rf"(?i:authorization)[\\\"']*{_GAP}[:=]", _authorization, group=2),
    _form("curl-credential", r"\bcurl\b(?:[^\n\\]|\\[^\n]|\\\n)*?\s(?:-u|--user)[ =]?\s*[\"']?([^\s:\"'<>$]*[\"']?:[\"']?[^\s\"'<>]{3,}|[^\s:\"'<>$]{8,}:)", "curl", _curl, group=1),
    _form("assigned-secret", _ASSIGNED + r"\s*[\"'`]([^\s\"'`]{8,200})", _ASSIGNED_HINT, _assigned, group=2),
    _form("assigned-secret", _ASSIGNED + r"[ \t]*([A-Za-z0-9+/_.~!@#%^&*$-][A-Za-z0-9+/_=.~!@#%^&*$-]{7,200})", _ASSIGNED_HINT, _assigned, group=2),
)  # fmt: skip

RULES: Final = (*_TOKENS, *_FORMS)

_NAME_CHARS_MAX: Final = 128
"""Where a longer name ends is what counts: a name may be as long as an answer."""
_NAMED_VALUE: Final = re.compile(rb"[^\s\"'`\\]{8,200}")
_NAME_ENDS: Final = re.compile(
    rf"(?:{_NAME_WORDS}){_SUFFIX.replace('(?i:', '(?:')}$", re.IGNORECASE
)


def is_named_secret(name: str, value: str) -> bool:
    """Tell whether a member of an object is a secret by its name and looks like one."""
    name = name[-_NAME_CHARS_MAX:]
    encoded = value.encode()
    return (
        bool(_NAME_ENDS.search(name))
        and is_secret_name(name.encode())
        and bool(_NAMED_VALUE.fullmatch(encoded))
        and is_random(encoded)
    )


# Where nothing has to keep working (records, logs), the name alone is enough.
_PRIVATE_NAME: Final = re.compile(
    rf"(?:{_NAME_WORDS}|authorization|cookie|bearer|apikey|pin|cvv|cvc|otp|passcode){_SUFFIX.replace('(?i:', '(?:')}$",
    re.IGNORECASE,
)
PRIVATE_NAME_HINT: Final = rb'(?i:password|passwd|passphrase|pwd|secret|token|credential|key|authorization|cookie|bearer|pin|cvv|cvc|otp|passcode)[a-z0-9_-]*":'


def is_private_name(name: str) -> bool:
    """Tell whether whatever stands under this name is kept out of records."""
    name = name[-_NAME_CHARS_MAX:]
    return bool(_PRIVATE_NAME.search(name)) and is_secret_name(name.encode())
