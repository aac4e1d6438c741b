"""A server that sends its own credential back does not give it to the caller (promise 5)."""

import base64

import pytest

from tests.seals import SEALER
from tests.yett.sanitising.answers import answered, clean, text
from yett.catalogue import public_uri
from yett.core.call import RpcError
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.sanitising.build import build
from yett.sanitising.lent import FINDING, without_lent

TOKEN = 'plain"words\\that-no-rule-knows'
BASIC = "Basic " + base64.b64encode(b"robot:a-long-password").decode()


@pytest.mark.parametrize(
    ("lent", "shown"),
    [
        (f"Bearer {TOKEN}", f"you sent {TOKEN} to me"),
        (f"Bearer {TOKEN}", f"Bearer {TOKEN}"),
        (TOKEN, TOKEN),
        (BASIC, BASIC),
        (BASIC, "the password is a-long-password"),
        ("Basic %%%%%%%%%%%%", "%%%%%%%%%%%%"),
    ],
)
def test_what_was_lent_is_taken_out_in_every_form(lent: str, shown: str) -> None:
    cleaned = clean(text(shown, structuredContent={shown: [shown]}), lent=lent, secrets="flag")

    for part in (TOKEN, "a-long-password", BASIC, "%%%%%%%%%%%%"):
        assert part not in str(cleaned.result)
    assert b"[redacted:own-credential]" in cleaned.encoded
    assert cleaned.findings == (FINDING,)


def test_it_is_taken_out_beside_other_findings_and_from_errors() -> None:
    cleaned = clean(text(f"\x1b[1m{TOKEN}"), lent=f"Bearer {TOKEN}")
    failed = clean(None, error=RpcError(-32603, f"bad {TOKEN}", {"sent": TOKEN}), lent=TOKEN)

    assert TOKEN not in str(cleaned.result)
    assert cleaned.findings == ("ansi", FINDING)
    assert failed.error is not None
    assert TOKEN not in f"{failed.error.message}{failed.error.data}"


def test_an_answer_without_it_is_the_same_object() -> None:
    call = answered(text("hello"), lent=f"Bearer {TOKEN}")
    encoded = b'{"a":"hello"}'

    assert without_lent(encoded, call.armed.credential) is encoded
    assert clean(text("hello"), lent=f"Bearer {TOKEN}").findings == ()


def test_a_short_value_is_not_looked_for_and_an_odd_place_is_refused() -> None:
    assert clean(text("abc"), lent="abc").findings == ()
    with pytest.raises(Fault) as caught:
        clean(text("x", structuredContent={"n": 12345678901}), lent="12345678901")
    assert caught.value.reason is Reason.UPSTREAM_INVALID


@pytest.mark.parametrize("written", ["compact", "laid out"])
def test_it_is_taken_out_of_a_plain_text_and_so_is_the_next_one(written: str) -> None:
    compact = written == "compact"
    stage = build({}, lambda _target, _value: None, SEALER, public_uri)

    for lent in (f"Bearer {TOKEN}", BASIC, "another-long-secret", f"Bearer {TOKEN}"):
        told = stage.clean(answered(text(f"you sent {lent}"), lent=lent, compact=compact))
        quiet = stage.clean(answered(text("you sent nothing"), lent=lent, compact=compact))

        assert lent.encode() not in told.encoded
        assert told.findings == (FINDING,)
        assert quiet.result == text("you sent nothing")
        assert quiet.findings == ()
