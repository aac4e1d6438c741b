"""A secret is found wherever a client file or yett.yaml may hold one."""

import base64
import json
import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.needs import CORPORA, needs_corpus
from yett.configuration.secret_finder import (
    find_in_argument,
    find_in_environment,
    find_in_header,
    find_in_text,
    find_in_url,
    masked,
)

CORPUS = CORPORA / "secrets.jsonl"
SECRET = st.text(alphabet=string.ascii_letters + string.digits, min_size=8, max_size=40).filter(
    lambda text: not text.isdigit()
)
PASSWORD = st.text(
    alphabet=string.ascii_letters + string.digits + "@:!$%^*()_+-=~.", min_size=4, max_size=24
).filter(lambda text: text.strip(":@") == text and "//" not in text)


def hidden(argument: str, previous: str = "") -> str:
    return masked(argument, find_in_argument(argument, previous=previous))


@pytest.mark.parametrize(
    ("argument", "previous", "expected"),
    [
        (
            "postgres://admin:P@ssw0rd@prod-db:5432/main",
            "",
            "postgres://admin:***@prod-db:5432/main",
        ),
        ("--dsn=postgres://u:p/a?s#s@h:1/d", "", "--dsn=postgres://u:***@h:1/d"),
        ("redis://:pw@h:6379/0", "", "redis://:***@h:6379/0"),
        (
            "mongodb+srv://u:p%40x@h1,h2:27017/d?authSource=admin",
            "",
            "mongodb+srv://u:***@h1,h2:27017/d?authSource=admin",
        ),
        ("https://user:pass@host/@scope/pkg", "", "https://user:***@host/@scope/pkg"),
        ("https://host/mcp?a=1&api_key=abc&b=2", "", "https://host/mcp?a=1&api_key=***&b=2"),
        ("--api-key=abc123", "", "--api-key=***"),
        ("abc123", "--api-key", "***"),
        ("-x7Gk9", "--token", "***"),
        ("API_KEY=hunter2", "-e", "API_KEY=***"),
        ("kevin:pa55", "-u", "kevin:***"),
        ("Authorization: Bearer abc", "--header", "Authorization: Bearer ***"),
        ("X-API-Key:abc", "-H", "X-API-Key:***"),
        ("TOKEN=abc node x.js", "-c", "TOKEN=***"),
        ("exec node x.js --password 'a b'", "-c", "exec node x.js --password '***'"),
        ('{"apiKey": "se cret", "x": 1}', "", '{"apiKey": "***", "x": 1}'),
        (
            "Server=h;User Id=a;Password=pa ss;Timeout=3",
            "",
            "Server=h;User Id=a;Password=***;Timeout=3",
        ),
    ],
)
def test_a_secret_in_an_argument_is_found(argument: str, previous: str, expected: str) -> None:
    assert hidden(argument, previous) == expected


@pytest.mark.parametrize(
    ("argument", "previous"),
    [
        ("-y", ""),
        ("--verbose", "--token"),
        ("@modelcontextprotocol/server-filesystem", "-y"),
        ("mcp-server-postgres@1.2.3", ""),
        ("git+https://github.com/a/b@0123456789abcdef0123456789abcdef01234567", ""),
        ("ghcr.io/a/b@sha256:" + "0123456789abcdef" * 4, ""),
        ("claude-3-5-sonnet-20241022", "--model"),
        ("36b33146-fcb5-4c1e-b60e-30c300c378f3", "--project"),
        ("1000:1000", "-u"),
        ("/home/me/.config/service/credentials.json", "--credentials-file"),
        ("postgres://admin@db/main", ""),
        ("https://registry.example.com/@scope/package-with-a-long-name", ""),
        ("${API_KEY}", "--api-key"),
        ("Authorization:${AUTH_HEADER}", "--header"),
        ("postgres://admin:{secret:password}@db/main", ""),
        ("GITHUB_TOKEN", "-e"),
        ("--max-tokens=4096", ""),
        ("--auth-mode=none", ""),
        ("/tmp/s5-in_r3j6l/server.py", ""),
        ("--root=/srv/jobs/x-4pm7usp9/data", ""),
        ("~/.cache/tmp.Xa9Kd3fQ7z/bin/run", ""),
        ("./build_2fk3s4o3/dist/index.js", ""),
        ("/tmp/tmpw8cco6l9/a:/app/tmp68a0c6zb/b", "-v"),
    ],
)
def test_what_is_no_secret_is_left(argument: str, previous: str) -> None:
    assert hidden(argument, previous) == argument


def test_no_folder_for_a_moment_is_taken_for_a_secret() -> None:
    """As `mkdtemp` of Python names them, and `mktemp`."""
    draw = random.Random(7).choices
    small, both = string.ascii_lowercase + string.digits + "_", string.ascii_letters + string.digits
    paths = [f"/tmp/s5-{''.join(draw(small, k=8))}/server.py" for _ in range(1_000)]
    paths += [f"/tmp/tmp.{''.join(draw(both, k=10))}/bin/run" for _ in range(1_000)]

    assert [path for path in paths if find_in_argument(path)] == []


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("/home/me/.keys/Zk3vQ9xT1mB7cR5wLp0D", "/home/me/.keys/***"),
        ("/tmp/s5-in_r3j6l/ghp_" + "a" * 20, "/tmp/s5-in_r3j6l/***"),
        ("Zk3v/Q9xT1mB/7cR5wLp0D+4Yn", "***"),
        ("/9kQ3v/Q9xT1mB/7cR5wLp0D+4Yn", "***"),
        ("https://h.example/home/Zk3v/Q9xT1mB7cR5wL", "https://h.***"),
        ("/etc/hosts:Zk3v/Q9xT1mB/7cR5wLp0D+4Yn", "/etc/hosts:***"),
    ],
)
def test_what_has_slashes_may_be_a_secret_all_the_same(argument: str, expected: str) -> None:
    assert hidden(argument) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("GITHUB_PERSONAL_ACCESS_TOKEN", "x1", "***"),
        ("PGPASSWORD", "a b", "***"),
        ("PASSWORD", "1234", "***"),
        ("SLACK", "xoxb-123456789012-abcdef", "***"),
        ("DATABASE_URL", "postgres://a:b@c/d", "postgres://a:***@c/d"),
        ("MYSQL_DSN", "user:pa:s@tcp(127.0.0.1:3306)/db", "user:***@tcp(127.0.0.1:3306)/db"),
        ("DSN", "host=h password=x y=1", "host=h password=*** y=1"),
        ("KEY_FILE", "/etc/key", "/etc/key"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/home/x/k.json", "/home/x/k.json"),
        ("AUTH_MODE", "none", "none"),
        ("MAX_TOKENS", "4096", "4096"),
        ("PATH", "/usr/local/bin:/usr/bin", "/usr/local/bin:/usr/bin"),
        ("API_KEY", "secret:api-key", "secret:api-key"),
        ("API_KEY", "env:HOME", "env:HOME"),
    ],
)
def test_a_variable_is_judged_by_name_and_by_value(name: str, value: str, expected: str) -> None:
    assert masked(value, find_in_environment(name, value)) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Authorization", "Bearer abc", "Bearer ***"),
        ("Authorization", "Basic dTpw", "Basic ***"),
        ("Authorization", "abc def", "***"),
        ("X-API-Key", "k", "***"),
        ("Cookie", "a=b", "***"),
        ("X-Whatever", "ghp_" + "a" * 20, "***"),
        ("Accept", "application/json", "application/json"),
        ("Authorization", "Bearer ${TOKEN}", "Bearer ${TOKEN}"),
    ],
)
def test_a_header_is_judged_by_name_and_by_value(name: str, value: str, expected: str) -> None:
    assert masked(value, find_in_header(name, value)) == expected


@settings(max_examples=300, deadline=None)
@given(PASSWORD, st.sampled_from(["postgres", "mysql", "redis", "amqp", "https"]))
def test_no_password_survives_before_a_host(password: str, scheme: str) -> None:
    shown = hidden(f"{scheme}://admin:{password}@db.internal:5432/main")

    assert shown == f"{scheme}://admin:***@db.internal:5432/main"


@settings(max_examples=300, deadline=None)
@given(
    SECRET,
    st.sampled_from(
        [
            ("--api-key={}", ""),
            ("--token={}", ""),
            ("{}", "--password"),
            ("{}", "-api-token"),
            ("CLIENT_SECRET={}", "-e"),
            ("Authorization: Bearer {}", "--header"),
            ("https://h.example/mcp?x=1&token={}", ""),
            ("https://{}@h.example/mcp", ""),
            ('{{"token": "{}"}}', "--config"),
            ("node server.js --secret {} --port 1", "-c"),
        ]
    ),
)
def test_a_planted_secret_never_stays_in_an_argument(secret: str, form: tuple[str, str]) -> None:
    template, previous = form
    canary = "Zq" + secret + "9x"

    assert canary not in hidden(template.format(canary), previous)


@settings(max_examples=200, deadline=None)
@given(
    SECRET,
    st.sampled_from(["API_KEY", "githubToken", "X_SECRET", "DB_PASSWORD", "AUTH", "OPENAI_KEY_2"]),
)
def test_a_planted_secret_never_stays_in_a_variable(secret: str, name: str) -> None:
    canary = "Zq" + secret + "9x"

    assert canary not in masked(canary, find_in_environment(name, canary))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_findings_lie_in_order_and_inside_the_text(text: str) -> None:
    for found in (
        find_in_text(text),
        find_in_url(text),
        find_in_argument(text, previous="--token"),
    ):
        places = [place for finding in found for place in (finding.start, finding.end)]
        assert places == sorted(places)
        assert all(0 <= place <= len(text) for place in places)


@needs_corpus(CORPUS.name)
def test_most_secrets_of_the_corpus_are_found_and_most_settings_left() -> None:
    cases = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]

    def found(case: dict[str, str]) -> bool:
        return bool(find_in_text(base64.b64decode(case["text_b64"]).decode("utf-8", "replace")))

    secrets = [found(case) for case in cases if case["label"] == "secret"]
    settings_ = [found(case) for case in cases if case["type"] == ".env.example setting"]

    assert sum(secrets) / len(secrets) > 0.95
    assert sum(settings_) / len(settings_) < 0.05
