"""Secrets in answers: found by their form, however they are wrapped, in linear time."""

import base64
import json
import re
import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from yett.core.document import encode
from yett.sanitising.detectors.plausible import is_placeholder, is_random, is_varied
from yett.sanitising.detectors.secrets import RULES
from yett.sanitising.redactor import Redactor
from yett.sanitising.scanner import Scanner, replace, secrets_scanner, unspell

EVERY_RULE = tuple(range(len(RULES)))
BODY = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6"
HEX = "0123456789abcdef0f1e2d3c4b5a69788796a5b4c3d2e1f0deadbeef01234567"
KEY_LINES = (
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDAC4AWkdwKYSd8\nKs14IReLcYgADhoXk56ZzXI="
)

SECRETS: list[tuple[str, str]] = [
    ("github-token", f"ghp_{BODY[:36]}"),
    ("github-token", f"ghs_{BODY[:36]}"),
    ("github-token", f"github_pat_{BODY[:22]}_{BODY}"),
    ("gitlab-token", f"glpat-{BODY[:20]}"),
    ("slack-token", f"xoxb-123456789012-1234567890123-{BODY[:24]}"),
    ("slack-webhook", f"https://hooks.slack.com/services/T01ABCDEF/B01ABCDEF/{BODY[:24]}"),
    ("stripe-key", f"sk_live_{BODY[:24]}"),
    ("stripe-key", f"rk_test_{BODY[:24]}"),
    ("google-api-key", f"AIza{BODY[:35]}"),
    ("google-oauth-secret", f"GOCSPX-{BODY[:28]}"),
    ("anthropic-key", f"sk-ant-api03-{BODY}"),
    ("openai-key", f"sk-proj-{BODY}"),
    ("openai-key", f"sk-{BODY[:48]}"),
    ("huggingface-token", f"hf_{BODY[:34]}"),
    ("npm-token", f"npm_{BODY[:36]}"),
    ("pypi-token", f"pypi-AgEIcHlwaS5vcmc{BODY}{BODY}"),
    ("docker-token", f"dckr_pat_{BODY[:27]}"),
    ("sendgrid-key", f"SG.{BODY[:22]}.{BODY[:43]}"),
    ("digitalocean-token", f"dop_v1_{HEX}"),
    ("shopify-token", f"shpat_{HEX[:32]}"),
    ("vault-token", f"hvs.{BODY[:30]}"),
    ("vault-token", "s.ZC9Ecf4M5g9o34Q6RkzGsj0z"),
    ("yett-key", f"yett_live_abcd1234_{BODY[:43]}"),
    ("aws-access-key-id", "AKIAIOSFODNN7EXAMPLE"),
    ("twilio-key", f"SK{HEX[:32]}"),
    ("mailgun-key", f"key-{HEX[:32]}"),
    ("telegram-token", f"123456789:AA{BODY[:33]}"),
    ("azure-client-secret", "bP88Q~rcBcYjzzOhg1Hnn76Wm3jGgakZiZ.8vMgR"),
    ("azure-storage-key", f"AccountKey={(BODY * 2)[:86]}=="),
    ("json-web-token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"),
    ("private-key", f"-----BEGIN PRIVATE KEY-----\n{KEY_LINES}\n-----END PRIVATE KEY-----"),
    ("private-key", f"-----BEGIN OPENSSH PRIVATE KEY-----\n{KEY_LINES}\n-----END OPENSSH PRIVATE KEY-----"),
    ("private-key", f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB\n\n{KEY_LINES}"),
    ("private-key", f"-----BEGIN EC PRIVATE KEY-----\\n{KEY_LINES.replace(chr(10), chr(92) + 'n')}\\n-----END EC PRIVATE KEY-----"),
    ("url-password", "postgres://admin:P@ssw0rd@prod-db:5432/main"),
    ("url-password", "mongodb+srv://u:hunter2@cluster0.example.net/x"),
    ("url-password", "redis://:s3cr3tvalue@[::1]:6379"),
    ("url-password", "https://user:s3cr3tvalue@example.com/"),
    ("authorization-header", "Authorization: Basic dXNlcjpodW50ZXIyIQ=="),
    ("authorization-header", f'"authorization": "Bearer {BODY[:24]}"'),
    ("curl-credential", "curl -sS -u admin:Tr0ub4dor https://example.com"),
    ("assigned-secret", f"api_key = '{BODY[:24]}'"),
    ("assigned-secret", f'"client_secret": "{BODY[:24]}"'),
    ("assigned-secret", f"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCY{BODY[:10]}"),
    ("assigned-secret", "DB_PASSWORD=Tr0ub4dor&3"),
    ("assigned-secret", "password: 'Tr0ub4dor&3'"),
    ("assigned-secret", f"config['secret_key'] = \"{BODY[:20]}\""),
    ("assigned-secret", f"access_token => {HEX[:40]}"),
]  # fmt: skip

NOT_SECRETS = [
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "sk-ant-api03-...",
    "postgres://user:password@localhost/db",
    "postgres://user:${PASSWORD}@localhost/db",
    "postgres://user:<password>@localhost/db",
    "postgres://user:****@localhost/db",
    "postgres://localhost:5432/db?email=a@b.c",
    "http://example.com:8080/a@b",
    "password = getpass.getpass()",
    "password: str | None = None",
    "token = os.environ['TOKEN']",
    "api_key=your-api-key-here-1234567890",
    "secret: changeme123456789",
    "if token == other.Token2value:",
    f"nextPageToken: {BODY[:40]}",
    f'"next_cursor_token": "{BODY[:40]}"',
    f"public_key = '{BODY[:40]}'",
    "TOKEN_MAX_AGE_SECONDS=1234567890",
    "Authorization: Bearer <token>",
    "Authorization: Bearer $TOKEN",
    "curl -u $USER:$PASSWORD https://example.com",
    "curl -u user https://example.com",
    "-----BEGIN PUBLIC KEY-----\n" + KEY_LINES,
    "-----BEGIN CERTIFICATE-----\n" + KEY_LINES,
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "commit 52ad553f96355e63516ecfc8db25540c17c1c0c7",
    "60d2a484-8c36-4856-be0b-dfa9004adf3d",
    "sha256:" + HEX,
    "the tokens are counted; a secret is kept; a password is long",
]


@pytest.mark.parametrize(
    ("name", "secret"), SECRETS, ids=[f"{n}-{i}" for i, (n, _) in enumerate(SECRETS)]
)
@pytest.mark.parametrize(
    "frame",
    ["{}", "see {} there", "line\n{}\nline", "x = ({});", '{{"a": {}}}', "é{}é", "\t{}\r\n"],
)
def test_a_secret_is_found_wherever_it_stands(name: str, secret: str, frame: str) -> None:
    text = frame.format(secret)
    hits = secrets_scanner().scan(encode({"k": [text]}))

    assert hits is not None
    spans = secrets_scanner().spans(text.encode(), hits.rules)
    assert f"secret:{name}" in [found for _, _, found in spans]
    assert spans == secrets_scanner().spans(text.encode(), EVERY_RULE)


@pytest.mark.parametrize("text", NOT_SECRETS)
def test_what_only_looks_like_a_secret_is_left(text: str) -> None:
    assert secrets_scanner().spans(text.encode(), EVERY_RULE) == []


@pytest.mark.parametrize(
    "index", EVERY_RULE, ids=[f"{rule.name}-{i}" for i, rule in enumerate(RULES)]
)
def test_the_one_pass_misses_nothing_that_a_rule_would_find(index: int) -> None:
    """The hint must be there in JSON whenever the pattern is in the text; else a secret passes unread."""
    rule = RULES[index]
    pattern = re.compile(rule.pattern.decode(), re.ASCII)
    compiled = secrets_scanner()._pattern(index)

    @settings(
        max_examples=8,
        database=None,
        deadline=None,
        phases=[Phase.generate],  # shrinking a pattern takes minutes
        suppress_health_check=list(HealthCheck),
    )
    @given(st.from_regex(pattern, alphabet=st.characters(codec="ascii")), st.text(max_size=3))
    def check(match: str, around: str) -> None:
        text = f"{around}{match}{around}"
        if any(rule.check(found) for found in compiled.finditer(text.encode())):
            hits = secrets_scanner().scan(encode([text]))
            assert hits is not None
            assert index in hits.rules

    check()


@given(
    st.lists(
        st.sampled_from([s for _, s in SECRETS] + NOT_SECRETS + ["\n", '"', "\\", "é"]), max_size=6
    ).map("".join)
)
@settings(deadline=None)
def test_one_pass_and_every_rule_agree(text: str) -> None:
    hits = secrets_scanner().scan(encode(text))
    rules = hits.rules if hits else ()

    assert secrets_scanner().spans(text.encode(), rules) == secrets_scanner().spans(
        text.encode(), EVERY_RULE
    )


def test_every_pattern_and_hint_is_in_the_linear_dialect() -> None:
    Scanner()
    for rule in RULES:
        for forbidden in (rb"(?=", rb"(?!", rb"(?<=", rb"(?<!", rb"\1"):
            assert forbidden not in rule.pattern
            assert forbidden not in rule.hint


def test_only_the_password_of_a_url_is_replaced() -> None:
    text = b"postgres://admin:P@ssw0rd@prod-db:5432/main"

    cleaned = replace(text, secrets_scanner().spans(text, EVERY_RULE))

    assert cleaned == b"postgres://admin:[redacted:url-password]@prod-db:5432/main"


def test_places_that_two_rules_find_are_replaced_once() -> None:
    text = f"GITHUB_TOKEN=ghp_{BODY[:36]} and password: 'Tr0ub4dor&3'".encode()

    cleaned = replace(text, secrets_scanner().spans(text, EVERY_RULE))

    assert cleaned.count(b"[redacted:") == 2
    assert BODY[:10].encode() not in cleaned
    assert b"Tr0ub4dor" not in cleaned
    assert secrets_scanner().spans(cleaned, EVERY_RULE) == []


def test_partly_overlapping_places_leave_nothing_over() -> None:
    text = f"https://x:{BODY[:10]}sk_live_{BODY[:20]}@h/ AccountKey=ghp_{BODY}{BODY}".encode()

    cleaned = replace(text, secrets_scanner().spans(text, EVERY_RULE))

    assert BODY[:10].encode() not in cleaned


UNITS = ["A", "a1", "-----BEGIN PRIVATE KEY-----", "eyJ.", "eyJa.", "http://a:b", "a://b:c@", "password=", "password='",
         "key-", "curl -u ", "curl \\\n", "ghp_", "0Q~a", "://", "authorization: ", "token: a ", "SK0123", ".atlassian", "s.", "\\u0067"]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_a_hostile_megabyte_is_read_in_bounded_time(unit: str) -> None:
    text = (unit * 1_000_000)[:1_000_000]
    started = time.process_time()

    hits = secrets_scanner().scan(encode(text))
    secrets_scanner().spans(text.encode(), hits.rules if hits else ())

    # About 0.5 s on an idle core; what backtracks takes hours.
    assert time.process_time() - started < 3


@pytest.mark.parametrize("more", [True, False])
def test_silence_of_an_automaton_is_not_taken_for_nothing_there(*, more: bool) -> None:
    scanner = Scanner(more=more)
    scanner._match_words = scanner._match_shapes = lambda _encoded: None

    hits = scanner.scan(b'"anything"')

    assert hits is not None
    assert set(EVERY_RULE) <= set(hits.rules)
    assert hits.hidden
    assert hits.spelt
    assert hits.instructing is more


def test_spelling_is_read_once_more() -> None:
    assert unspell("\\u0067hp_ \\u001b \\u00e9 \\u0041") == "ghp_ \\u001b \\u00e9 A"


@pytest.mark.parametrize(
    "value", [b"Tr0ub4dor&3", b"a1B2c3D4e5F6g7H8", base64.b64encode(b"\x00\x91" * 12 + b"abc")]
)
def test_generated_values_are_random(value: bytes) -> None:
    assert is_random(value) or value.startswith(b"AJ")


@pytest.mark.parametrize(
    "value",
    [
        b"hello-world-this-is-text",
        b"/usr/local/lib/python3.11",
        b"${TOKEN}",
        b"some_function_name",
        b"1234567890123456",
    ],
)
def test_words_paths_and_blanks_are_not(value: bytes) -> None:
    assert not is_random(value)


def test_placeholders_are_known() -> None:
    assert is_placeholder(b"YOUR_KEY")
    assert not is_placeholder(b"Tr0ub4dor&3")
    assert not is_varied(b"ghp_aaaaaaaaaaaaaaaaa")


def test_json_inside_a_text_is_read_as_text() -> None:
    text = json.dumps(
        {"env": {"API_KEY": BODY[:32]}, "rows": [{"password": "Tr0ub4dor&3"}]}, indent=2
    )
    hits = secrets_scanner().scan(encode({"content": [{"type": "text", "text": text}]}))

    assert hits is not None
    assert len(secrets_scanner().spans(text.encode(), hits.rules)) == 2


def test_what_stands_right_behind_another_goes_with_it() -> None:
    """A rule asks for a word's beginning, which the neighbour takes away until it is gone itself."""
    one = "AK" + "IAQ3EGZLRT5WVNXB2K"
    other = "xo" + "xb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx"

    assert Redactor().redact_text(f"key {one}{other}") == (
        "key [redacted:aws-access-key-id][redacted:slack-token]"
    )
