"""The small kinds: enum, max, pattern, email, regex, template."""

import re
import time
from typing import Any

import pytest

from tests.yett.validation.kinds.judging import refusal, takes
from yett.validation.config import (
    EmailArgument,
    EnumArgument,
    MaxArgument,
    PatternArgument,
    RegexArgument,
    TemplateArgument,
)
from yett.validation.kinds.port import WrongForm


@pytest.mark.parametrize("value", ["a", 1, 2.5, False, None, ["a", 1], []])
def test_one_of_the_values_passes(value: Any) -> None:
    assert takes(EnumArgument(values=("a", 1, 2.5, False)), value)


@pytest.mark.parametrize(
    "value", ["b", "A", "1", True, 0, 1.0, {}, {"a": 1}, ["a", "b"], [["a"]], [None]]
)
def test_any_other_does_not(value: Any) -> None:
    assert isinstance(refusal(EnumArgument(values=("a", 1, 2.5, False)), value), WrongForm)


def test_nothing_is_larger_or_longer_than_the_most() -> None:
    most = MaxArgument(most=3)

    for value in (3, -10, 2.9, "abc", "", [1, 2, 3], None, {"a": 1}):
        assert takes(most, value)
    for value in (4, 3.01, 10**400, float("inf"), "abcd", [1, 2, 3, 4], True):
        assert isinstance(refusal(most, value), WrongForm)


def test_a_pattern_is_fitted_whole_and_in_linear_time() -> None:
    slug = PatternArgument(pattern="[a-z0-9-]{1,40}|ü+")

    assert takes(slug, "main-2")
    assert takes(slug, "ü")
    for text in ("", "Main", "main\n", "main; id", "-" * 41, "x\0"):
        assert not takes(slug, text)
    began = time.process_time()
    assert not takes(PatternArgument(pattern="(a+)+"), "a" * 50_000 + "!")
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "address",
    [
        "a@example.com",
        "first.last+tag@mail.example.co.uk",
        "o'neil@example.com",
        "x_1@xn--bcher-kva.ch",
    ],
)
def test_one_plain_address_passes(address: str) -> None:
    assert takes(EmailArgument(), address)


@pytest.mark.parametrize(
    "address",
    [
        "", "a", "a@", "@b.c", "a@b", "a@@b.com", "a@b.com,c@d.com", "a@b.com;c@d.com", "a@b.com c@d.com", "A <a@b.com>",
        "<a@b.com>", "a@b.com\r\nBcc: c@d.com", "a@b.com\n", "\na@b.com", "a\0@b.com", '"a b"@b.com', "a@[127.0.0.1]",
        "a@127.0.0.1", "a@b..com", "a@.b.com", "a@b.com.", ".a@b.com", "a.@b.com", "a..b@c.com", "a(x)@b.com", "a%c@b.com",
        "c!a@b.com", "-f@b.com", "a@-b.com", "a@b-.com", "ä@b.com", "a@bücher.de", "mailto:a@b.com", "a@b.com?cc=c@d.com",
        "x" * 65 + "@b.com", "a@" + "b" * 64 + ".com", "a@" + "b." * 130 + "com", "|id@b.com", "a`id`@b.com",
    ],
)  # fmt: skip
def test_anything_else_is_no_address(address: str) -> None:
    assert not takes(EmailArgument(), address)


def test_domains_can_be_limited() -> None:
    ours = EmailArgument(domains=("Example.com", "*.example.org"))

    assert takes(ours, "a@example.COM")
    assert takes(ours, "a@x.example.org")
    for domain in ("example.org", "evil.com", "evilexample.com", "example.com.evil.io"):
        assert not takes(ours, f"a@{domain}")
    assert not takes(EmailArgument(domains=("example.com",)), "a@x.example.com")


@pytest.mark.parametrize(
    "pattern",
    [
        "a+b*",
        "(abc)+",
        r"\d{1,3}(\.\d{1,3}){3}",
        "(foo|bar)+x",
        "^[a-z]+$",
        "(?:a|b)?c*",
        "[(+]+",
        r"(\(\+)+",
        "a{2,}",
    ],
)
def test_an_expression_of_linear_time_passes(pattern: str) -> None:
    assert takes(RegexArgument(), pattern)


@pytest.mark.parametrize(
    ("pattern", "attack"),
    [
        ("(a+)+$", "a" * 16 + "!"),
        ("(a*)*$", "a" * 16 + "!"),
        ("(a|a)*$", "a" * 16 + "!"),
        (r"(\w\w?|\d)+$", "1" * 13 + "!"),
        ("(?:(?:x+)y?){2,}$", "x" * 16 + "!"),
        ("([a-z]+)*$", "a" * 16 + "!"),
        ("((a+)b?)+$", "a" * 16 + "!"),
        ("(?P<n>a+)+$", "a" * 16 + "!"),
        ("(.|a)+$", "a" * 16 + "\n!"),
    ],
)
def test_an_expression_that_makes_others_go_back_does_not(pattern: str, attack: str) -> None:
    assert not takes(RegexArgument(), pattern)
    began = time.process_time()
    re.search(pattern, attack)
    assert time.process_time() - began > 0.002, "it is as harmless as others"


@pytest.mark.parametrize(
    "pattern", ["(", "a**", "(?=a)", r"(a)\1", "(?<!a)b", "a{1001}", "((a{900}){900})", "x" * 1_001, "[", "(?C1)"]
)  # fmt: skip
def test_what_is_no_expression_of_linear_time_does_not(pattern: str) -> None:
    assert isinstance(refusal(RegexArgument(), pattern), WrongForm)


@pytest.mark.parametrize(
    "text",
    [
        "{{7*7}}", "${JWT_SECRET}", "{{env.X}}", "%(key)s", "{0.__class__}", "{key}", "#{7*7}", "<%= 7*7 %>", "{% if x %}",
        "{# x #}", "${{7*7}}", "@{7*7}", "*{7*7}", "~{7*7}", "$!{x}", "$name", "$(id)", "#set($x=1)", "#foreach ($a in $b)",
        "<#assign x=1>", "<@x/>", "[#if x]", "[=7*7]", "[[${x}]]", "{php}x{/php}", "{$smarty.version}", "<?php x ?>",
        "<!--#exec cmd='id'-->", "T(java.lang.Runtime)", "x.__class__.__mro__", "% import os", "@(7*7)", "@Model.x",
        "｛｛7*7｝｝", "＄｛x｝", "%1$s", "{ {7*7} }", "<xsl:value-of select='x'/>", "{{=<% %>=}}", "!{x}",
    ],
)  # fmt: skip
def test_what_an_engine_would_compute_is_refused(text: str) -> None:
    found = refusal(TemplateArgument(), text)

    assert str(found) == "has the syntax of a template"


@pytest.mark.parametrize(
    "text",
    [
        "", "Dear Ada,\n\nthe price is $5 (50 % off).\nBest, Bo", "a < b > c", "if x { return }", "#42", "# Title", "1 * 2",
        "mail a@example.com", "thanks @bob.", "C# and F#", "100%", "$ 5", "x = [1, 2]", "snake_case_name", "größer",
    ],
)  # fmt: skip
def test_what_people_write_passes(text: str) -> None:
    assert takes(TemplateArgument(), text)
