"""What the conditions of the twin are made of: small functions of the context of a call. Pure.

Each does what Cedar's operator of the same meaning does with texts, whole numbers and truth values, and
raises for everything else.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from yett.authorization.encoding import LONG_MAX, LONG_MIN
from yett.core.target import JSON

Context = Mapping[str, JSON]
Term = Callable[[Context], JSON]
Test = Callable[[Context], bool]

_SIMPLE: Final = frozenset({str, int, bool})


class UnsureError(Exception):
    """A value is not of a type that is known here, or not of the one that is needed."""


def always(_context: Context) -> bool:
    return True


def never(_context: Context) -> bool:
    return False


def constant(truth: bool) -> Test:  # noqa: FBT001 - the one thing it is about
    return always if truth else never


def both(left: Test, right: Test) -> Test:
    return lambda context: left(context) and right(context)


def either(left: Test, right: Test) -> Test:
    return lambda context: left(context) or right(context)


def choice(condition: Test, then: Test, otherwise: Test) -> Test:
    return lambda context: then(context) if condition(context) else otherwise(context)


def opposite(test: Test) -> Test:
    return lambda context: not test(context)


def as_truth(term: Term) -> Test:
    def test(context: Context) -> bool:
        value = term(context)
        if value is True or value is False:
            return value
        raise UnsureError

    return test


def same(left: Term, right: Term) -> Test:
    def test(context: Context) -> bool:
        one, other = left(context), right(context)
        if type(one) not in _SIMPLE or type(other) not in _SIMPLE:
            raise UnsureError
        return type(one) is type(other) and bool(one == other)  # to Python, 1 == True

    return test


def ordered(operator: str, left: Term, right: Term) -> Test:
    if operator in {">", ">="}:
        left, right = right, left
    or_equal = operator in {"<=", ">="}

    def test(context: Context) -> bool:
        # Cedar evaluates what stands left first, but either one that fails is a failure.
        one, other = left(context), right(context)
        if type(one) is not int or type(other) is not int:
            raise UnsureError
        return one <= other if or_equal else one < other

    return test


def one_of(term: Term, values: list[JSON]) -> Test:
    known = frozenset((type(value), value) for value in values)

    def test(context: Context) -> bool:
        value = term(context)
        if type(value) not in _SIMPLE:
            raise UnsureError
        return (type(value), value) in known

    return test


def contains(values: Term, term: Term) -> Test:
    def test(context: Context) -> bool:
        known, value = _collection(values(context)), term(context)
        if type(value) not in _SIMPLE:
            raise UnsureError
        return _within(value, known)

    return test


def contains_many(values: Term, wanted: list[JSON], *, every: bool) -> Test:
    enough = all if every else any

    def test(context: Context) -> bool:
        known = _collection(values(context))
        return enough(_within(value, known) for value in wanted)

    return test


def is_empty(values: Term) -> Test:
    return lambda context: not _collection(values(context))


def _collection(value: JSON) -> Sequence[JSON]:
    if type(value) is not list and type(value) is not tuple:
        raise UnsureError
    return value


def _within(value: JSON, known: Sequence[JSON]) -> bool:
    return any(type(item) is type(value) and item == value for item in known)


def member(record: Term, name: str) -> Term:
    return lambda context: _record(record(context))[name]


def has(record: Term, name: str) -> Test:
    return lambda context: name in _record(record(context))


def _record(value: JSON) -> dict[str, JSON]:
    if type(value) is not dict or "__extn" in value:  # which stands for a decimal
        raise UnsureError
    return value


def sum_of(operator: str, left: Term, right: Term) -> Term:
    """Or difference, or product."""
    calculate = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}[operator]

    def term(context: Context) -> JSON:
        one, other = left(context), right(context)
        if type(one) is not int or type(other) is not int:
            raise UnsureError
        value = calculate(one, other)
        if not LONG_MIN <= value <= LONG_MAX:
            raise UnsureError
        return value

    return term


def in_network(network: IPv4Network | IPv6Network) -> Test:
    return lambda context: _address(context["address"]["__extn"]["arg"]) in network


@lru_cache(maxsize=1_024)
def _address(text: str) -> IPv4Address | IPv6Address:
    return ip_address(text)


def like(term: Term, texts: list[str]) -> Test:
    first, *middle, last = texts if len(texts) > 1 else (texts[0], texts[0])
    exact = len(texts) == 1

    def test(context: Context) -> bool:
        value = term(context)
        if type(value) is not str:
            raise UnsureError
        if exact:
            return value == first
        end = len(value) - len(last)
        if end < len(first) or not value.startswith(first) or not value.endswith(last):
            return False
        at = len(first)
        for text in middle:
            found = value.find(text, at, end)
            if found < 0:
                return False
            at = found + len(text)
        return True

    return test
