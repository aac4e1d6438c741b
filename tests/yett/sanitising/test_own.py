"""What an operator looks for besides: found in answers, tried with its own tests whenever it is read."""

import pytest

from tests.seals import SEALER
from tests.yett.sanitising.answers import answered, text
from yett.catalogue import public_uri
from yett.sanitising.build import build
from yett.sanitising.config import AnswerRules, Detector
from yett.sanitising.own import DETECTORS_MAX, problems_of

TICKET = Detector(
    kind="personal_data", pattern="ACME-[0-9]{6}", matches=("see ACME-123456",), passes=("ACME-12",)
)


def test_it_is_found_and_handled_like_any_other_of_its_kind() -> None:
    detectors = {"acme-ticket": TICKET}
    rules = {"demo/echo": AnswerRules(personal_data="redact")}
    stage = build(rules, lambda _target, _value: None, SEALER, public_uri, detectors)
    sent = text("ACME-123456, a@b.example", structuredContent={"id": "ACME-654321"})

    cleaned = stage.clean(answered(sent))

    assert cleaned.result == text(
        "[redacted:acme-ticket], [redacted:email]",
        structuredContent={"id": "[redacted:acme-ticket]"},
    )
    assert cleaned.findings == ("personal:acme-ticket", "personal:email")


def test_where_it_is_not_found_nothing_changes() -> None:
    stage = build({}, lambda _target, _value: None, SEALER, public_uri, {"acme-ticket": TICKET})

    cleaned = stage.clean(answered(text("ACME-12")))

    assert cleaned.result == text("ACME-12")
    assert cleaned.findings == ()


@pytest.mark.parametrize(
    ("pattern", "matches", "passes", "where"),
    [
        ("(?=a)", ("a",), (), ("x", "pattern")),
        ("(a{1000}){1000}", ("a",), (), ("x", "pattern")),
        ("a*", ("a",), (), ("x", "pattern")),
        ("", ("a",), (), ("x", "pattern")),
        ("a+", (), (), ("x",)),
        ("a+", ("b",), (), ("x", "matches", 0)),
        ("a+", ("a",), ("b", "cat"), ("x", "passes", 1)),
    ],
)
def test_what_cannot_be_right_is_told(
    pattern: str, matches: tuple[str, ...], passes: tuple[str, ...], where: tuple[str | int, ...]
) -> None:
    detector = Detector(kind="secrets", pattern=pattern, matches=matches, passes=passes)

    assert [path for path, _, _ in problems_of({"x": detector})] == [where]


def test_a_good_one_has_no_problems_and_there_are_not_too_many() -> None:
    assert list(problems_of({"acme-ticket": TICKET})) == []
    many = {f"d{number}": TICKET for number in range(DETECTORS_MAX + 1)}
    assert [path for path, _, _ in problems_of(many)] == [()]
