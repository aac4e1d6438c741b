"""What the conditions of the twin are made of: small functions of the context of a call. Pure.

Each does what Cedar's operator of the same meaning does with texts, whole numbers and truth values, and
raises for everything else.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final

from yett.core.target import JSON

Context = Mapping[str, JSON]
Term = Callable[[Context], JSON]
Test = Callable[[Context], bool]
Texts = Callable[[Context], Collection[str]]

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


def contains(texts: Texts, term: Term) -> Test:
    def test(context: Context) -> bool:
        value = term(context)
        if type(value) not in _SIMPLE:
            raise UnsureError
        return type(value) is str and value in texts(context)

    return test


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
