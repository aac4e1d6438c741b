"""No secret is stored in a record or a log (CWE-532)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.yett.sanitising.answers import GITHUB
from yett.core.document import encode, parse
from yett.sanitising import Redactor

REDACTOR = Redactor()


def redact(value: Any) -> Any:
    return parse(REDACTOR.redact(encode(value)))


def test_what_holds_no_secret_is_the_same_object() -> None:
    encoded = encode({"path": "/tmp/a", "n": 1, "list": ["a"], "tokens": 5_000})

    assert REDACTOR.redact(encoded) is encoded


def test_a_secret_is_replaced_wherever_it_stands() -> None:
    assert redact({"a": [f"x {GITHUB}", {GITHUB: 1}]}) == {
        "a": ["x [redacted:github-token]", {"[redacted:github-token]": 1}]
    }


@pytest.mark.parametrize(
    "name",
    ["password", "Password", "db_password", "clientSecret", "secret", "token", "access_token", "api_key", "apiKey",
     "X-Api-Key", "authorization", "Cookie", "credentials", "passphrase", "pin", "otp", "private_key", "TOKEN"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["hunter2", "a b", "x", 1234, 'q"uote'])
def test_what_stands_under_a_private_name_goes_whatever_it_looks_like(
    name: str, value: Any
) -> None:
    assert redact({"input": [{name: value, "other": "kept"}]}) == {
        "input": [{name: "[redacted]", "other": "kept"}]
    }


@pytest.mark.parametrize(
    "name",
    [
        "nextPageToken",
        "page_token",
        "max_tokens",
        "key",
        "path",
        "public_key",
        "primary_key",
        "shipping",
    ],
)
def test_other_names_are_kept(name: str) -> None:
    assert redact({name: "value"}) == {name: "value"}


def test_empty_and_nested_values_under_a_private_name_are_walked() -> None:
    value = {"token": "", "secret": None, "credentials": {"user": "u", "password": "p"}}

    assert redact(value) == {
        "token": "",
        "secret": None,
        "credentials": {"user": "u", "password": "[redacted]"},
    }


def test_hidden_characters_are_evidence_and_are_kept_unless_they_hide_a_secret() -> None:
    assert redact({"a": "x\u202ey\x1b[8m"}) == {"a": "x\u202ey\x1b[8m"}
    torn = GITHUB[:9] + "\u200b" + GITHUB[9:]
    assert redact({"a": f"see {torn}"}) == {"a": "see [redacted:github-token]"}


def test_integers_of_any_size_stay_exact() -> None:
    assert redact({"n": 2**70, "t": GITHUB}) == {"n": 2**70, "t": "[redacted:github-token]"}


@pytest.mark.parametrize(
    "broken", [f'{{"a": "{GITHUB}"', f'"{GITHUB}" "', f'{{"a":1,"a":"{GITHUB}"}}']
)
def test_what_cannot_be_read_goes_as_a_whole(broken: str) -> None:
    assert REDACTOR.redact(broken.encode()) == b'"[redacted]"'


def test_names_that_become_one_go_as_a_whole() -> None:
    other = GITHUB[:-1] + "9"

    assert REDACTOR.redact(encode({GITHUB: 1, other: 2})) == b'"[redacted]"'


def test_a_text_of_a_log_is_redacted() -> None:
    assert REDACTOR.redact_text(f"token {GITHUB} failed") == "token [redacted:github-token] failed"
    assert REDACTOR.redact_text("nothing here") == "nothing here"
    assert REDACTOR.redact_text("a\ud800 " + GITHUB) == "a? [redacted:github-token]"


@given(st.text(), st.text(), st.sampled_from(["", "\u200b", "\n", '"', "\\"]))
def test_a_planted_secret_never_survives(before: str, after: str, tear: str) -> None:
    planted = f"{before} {GITHUB}{tear} {after}"

    assert GITHUB.encode() not in REDACTOR.redact(encode({"k": [planted]}))
    assert GITHUB not in REDACTOR.redact_text(planted)
