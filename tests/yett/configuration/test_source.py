"""YAML that means one thing is read; the rest is refused with its line."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from yett.configuration.editing import quoted_text
from yett.configuration.source import DEPTH_MAX, read_source


def test_plain_values_and_their_lines_are_read() -> None:
    source = read_source("a: 1\nb:\n  c: [x, 2.5, true, null]\n")

    assert source.problems == []
    assert source.value == {"a": 1, "b": {"c": ["x", 2.5, True, None]}}
    assert source.line(("b", "c", 1)) == 3
    assert source.line(("b", "nothing", "here")) == 2


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "twice"),
        ("x:\n  - {k: 1,\n     k: 2}\n", 3, "twice"),
        ("a: &x 1\n", 1, "anchors"),
        ("a: 1\nb: *a\n", 2, "aliases"),
        ("base: {a: 1}\nb:\n  <<: {c: 1}\n", 3, "merge"),
        ("a: !!python/object:os.system x\n", 1, "tags"),
        ("a: !custom x\n", 1, "tags"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("1: a\n", 1, "as text"),
        ("on: a\n", 1, "as text"),
        ("? [a, b]\n: c\n", 1, "key must be a text"),
        ("a: no\n", 1, "not text"),
        ("a: ON\n", 1, "not text"),
        ("a: 010\n", 1, "not text"),
        ("a: 12:30:00\n", 1, "not text"),
        ("a: 2026-01-01\n", 1, "not text"),
        ("a: 1_000\n", 1, "not text"),
        ("a: .inf\n", 1, "not text"),
        ("a: 1e5\n", 1, "not text"),
        ("a: [1\nb: 2\n", 2, "not YAML"),
        ("\ta: 1\n", 1, "not YAML"),
        ("a: \x01\n", 1, "characters"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(
    text: str, line: int, word: str
) -> None:
    problems = read_source(text).problems

    assert [(p.line, word in p.message) for p in problems] == [(line, True)]


def test_an_expansion_bomb_is_refused_and_expands_nothing() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
    )

    source = read_source(bomb)

    assert source.problems
    assert source.value["u"] == [None, None]


def test_depth_is_bounded() -> None:
    source = read_source("a: " + "[" * 1000 + "]" * 1000)

    assert not source.complete
    assert str(DEPTH_MAX) in source.problems[0].message


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=8), _VALUES, max_size=4))
def test_what_another_writer_of_yaml_wrote_is_read_the_same(value: dict[str, object]) -> None:
    text = yaml.dump(value, default_style='"', allow_unicode=False)

    source = read_source(text)

    # With this style PyYAML tags what is no text; those tags are all that may be refused.
    assert all("tags" in problem.message for problem in source.problems)
    if not source.problems:
        assert source.value == value


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40))
def test_a_quoted_text_comes_back_as_it_was(text: str) -> None:
    encodable = text.encode("utf-8", "replace").decode()

    source = read_source(f"a: {quoted_text(encodable)}\n")

    assert source.problems == []
    assert source.value == {"a": encodable}


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab:-[]{}#&*!|>'\"%@` \n\t?,0.", max_size=60))
def test_any_text_is_read_or_refused_and_never_crashes(text: str) -> None:
    source = read_source(text)

    assert source.complete or source.problems
