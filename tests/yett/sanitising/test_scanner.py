"""The first look at an answer: it stays quick whatever comes, and putting its patterns in order takes nothing away."""

import random
import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as draw

from yett.core.document import encode
from yett.sanitising.detectors.secrets import RULES
from yett.sanitising.detectors.wording import alternatives
from yett.sanitising.scanner import Hits, Scanner, secrets_scanner

SECRET_WORDS = [
    "key", "pin", "otp", "token", "secret", "pwd", "passw", "phrase", "credential", "cvv",
    "=", ":", '"', "'", "\\", "a", "B", "9", "-", "_", ".",
]  # fmt: skip
PARTS = {
    "words of secrets": [*SECRET_WORDS, " "],
    "digits and signs": list("0123456789 -.:/+()"),
    "hexadecimal": list("0123456789abcdefABCDEF-: "),
}
_BYTES = 40_000


@pytest.mark.parametrize("more", [True, False])
@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_what_was_read_once_is_read_fast(parts: list[str], *, more: bool) -> None:
    """Else the automaton has more states than it has room for, and makes them anew for each text (CWE-407)."""
    pick = random.Random(4)
    text = encode("".join(pick.choice(parts) for _ in range(_BYTES)))
    scanner = Scanner(more=more)

    first = _seconds(scanner, text)
    again = min(_seconds(scanner, text) for _ in range(3))

    assert again < first / 4


def _seconds(scanner: Scanner, text: bytes) -> float:
    begun = time.thread_time()
    scanner.scan(text)
    return time.thread_time() - begun


TEXTS = draw.lists(
    draw.sampled_from([
        *SECRET_WORDS, "ghp_", "0123456789", "abcdefABCDEF", "password", "http://a:b@c", "-----BEGIN PRIVATE KEY-----", "eyJ",
        "AKIAIOSFODNN7EXAMPLE", "\n", "\x1b[1m", "\u200b", "\\u0067", "Bearer ", "4111 1111 1111 1111",
    ]) | draw.text(max_size=4),
    max_size=12,
).map("".join)  # fmt: skip


@given(TEXTS, draw.sampled_from(["a", "password"]))
def test_one_automaton_finds_what_two_find(text: str, name: str) -> None:
    encoded = encode({name: text})
    one, two = secrets_scanner().scan(encoded), SECRETS_APART.scan(encoded)

    assert _seen(one) == _seen(two)


def _seen(hits: Hits | None) -> tuple[object, ...]:
    """Return what is looked for without `more`."""
    return (
        ((), False, False, False)
        if hits is None
        else (hits.rules, hits.hidden, hits.spelt, hits.named)
    )


SECRETS_APART = Scanner(RULES)
LETTERS = draw.sampled_from(["a", "b", "ab", r"\|", r"\(", "[a|(]", r"[\]b]", "b?"])
PATTERNS = draw.recursive(
    LETTERS,
    lambda inner: draw.one_of(
        draw.lists(inner, min_size=1, max_size=3).map("".join),
        draw.lists(inner, min_size=1, max_size=3).map(lambda each: f"(?:{'|'.join(each)})"),
        draw.lists(inner, min_size=1, max_size=3).map(lambda each: f"(?:{'|'.join(each)})?"),
    ),
    max_leaves=8,
)


@given(
    pattern=draw.lists(PATTERNS, min_size=1, max_size=3).map("|".join),
    text=draw.text("ab|()]", max_size=8),
)
@example(pattern="(?:a|b)?c|(?:a|(?:b|ab)a)b", text="bab")
def test_choices_in_another_order_find_the_same(pattern: str, text: str) -> None:
    choices = "|".join(sorted(set(alternatives(pattern))))

    assert bool(re.search(choices, text)) == bool(re.search(pattern, text))
    assert bool(re.fullmatch(choices, text)) == bool(re.fullmatch(pattern, text))


def test_a_group_at_the_beginning_is_a_choice() -> None:
    assert alternatives("(?:a|(?:b|c)d)e|f(?:g|h)|(?:i|j)?k") == [
        "ae", "bde", "cde", "f(?:g|h)", "(?:i|j)?k"
    ]  # fmt: skip
