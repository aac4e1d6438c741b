"""Personal data in answers: by check digit, by shape, or by the name that it is called by."""

import re

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.yett.sanitising.answers import clean_with, text
from yett.core.document import encode
from yett.sanitising.detectors.personal import RULES
from yett.sanitising.detectors.rules import kind_of
from yett.sanitising.scanner import ALL_RULES, shared_scanner

PLACES = tuple(index for index, rule in enumerate(ALL_RULES) if rule.kind == "personal")

FOUND = [
    ("email", "jane.roe+x@mail.example.org"),
    ("credit-card", "4111 1111 1111 1111"),
    ("credit-card", "378282246310005"),
    ("credit-card", "5555-5555-5555-4444"),
    ("credit-card", "card number 676222165679"),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("iban", "GB82WEST12345698765432"),
    ("us-social-security", "078-05-1120"),
    ("us-social-security", "SSN: 078051120"),
    ("uk-national-insurance", "QQ123456C".replace("QQ", "AB")),
    ("es-identity", "12345678Z"),
    ("es-identity", "X1234567L"),
    ("br-cpf", "529.982.247-25"),
    ("it-codice-fiscale", "RSSMRA85T10A562S"),
    ("fr-nir", "1 84 12 76 451 089 46"),
    ("pl-pesel", "PESEL 44051401359"),
    ("nl-bsn", "BSN: 111222333"),
    ("ca-sin", "social insurance number 046 454 286"),
    ("passport", "passport number: C01X00T47"),
    ("driving-licence", "driver's license number is U62928788557186"),
    ("date-of-birth", "born on 9/15/1946"),
    ("date-of-birth", "DOB: 1980-02-29"),
    ("ip-address", "seen from 142.250.185.164"),
    ("ip-address", "2001:4860:4860:0:0:0:0:8888"),
    ("phone", "+44 7700 900 123"),
    ("phone", "(602) 272-9781"),
    ("phone", "Phone: 0490 75 40 81"),
    ("phone", "call me at 024 971 50 30"),
    ("phone", "085 175 7641 (office)"),
]

NOT_FOUND = [
    "4111 1111 1111 1112",
    "order 1234567890123456",
    "1700000000000",
    "GB82WEST12345698765433",
    "000-12-3456",
    "2024-01-02 03:04:05",
    "version 1.2.3.4",
    "127.0.0.1 and 10.0.0.7 and 192.168.1.1",
    "git@github.com:a/b.git",
    "left-pad@1.3.0",
    "icon@2x.png",
    "12345678A",
    "529.982.247-26",
    "call foo with 3 arguments",
    "the office is open from 9 to 17",
    "commit 52ad553f96355e63516ecfc8db25540c17c1c0c7",
]


def found_in(sent: str) -> list[str]:
    scanner = shared_scanner()
    spans = scanner.spans(sent.encode(), scanner.look(sent).rules)
    return [name for _, _, name in spans if kind_of(name) == "personal"]


@pytest.mark.parametrize(("name", "sent"), FOUND)
@pytest.mark.parametrize(
    "frame", ["{}", "line\n{}\nline", '{{"a": "{}"}}', "é {} é", "\t{}, and more"]
)
def test_it_is_found_wherever_it_stands(name: str, sent: str, frame: str) -> None:
    assert f"personal:{name}" in found_in(frame.format(sent))


@pytest.mark.parametrize("sent", NOT_FOUND)
def test_what_only_looks_alike_is_left(sent: str) -> None:
    assert found_in(sent) == []


@pytest.mark.parametrize("index", PLACES, ids=[f"{ALL_RULES[i].name}-{i}" for i in PLACES])
def test_the_one_pass_misses_nothing_that_a_rule_would_find(index: int) -> None:
    rule = ALL_RULES[index]
    pattern = re.compile(rule.pattern.decode().replace("(?i:", "(?:"), re.ASCII)
    compiled = shared_scanner()._pattern(index)

    @settings(
        max_examples=8,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.from_regex(pattern, alphabet=st.characters(codec="ascii")))
    def check(match: str) -> None:
        if any(rule.check(found) for found in compiled.finditer(match.encode())):
            assert index in shared_scanner().look(match).rules

    check()


def test_it_is_flagged_unless_the_operator_says_otherwise() -> None:
    sent = text("mail jane.roe@example.org or john@example.org")

    cleaned = clean_with(sent)

    assert cleaned.result == sent | {"_meta": {"yett/findings": {"personal:email": 2}}}
    assert cleaned.findings == ("personal:email",)


def test_it_is_replaced_if_the_operator_says_so() -> None:
    sent = text("a@b.example, 4111 1111 1111 1111", structuredContent={"phone": "0490 75 40 81"})

    cleaned = clean_with(sent, personal_data="redact")

    assert cleaned.result == text(
        "[redacted:email], [redacted:credit-card]",
        structuredContent={"phone": "[redacted:phone]"},
    )
    assert cleaned.encoded == encode(cleaned.result)


def test_every_rule_has_an_example() -> None:
    assert {rule.name for rule in RULES} - {name for name, _ in FOUND} <= {
        "in-aadhaar",
        "tax-number",
    }
