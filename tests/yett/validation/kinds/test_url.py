"""A URL or a host that passes leads to an allowed host, whoever parses it (CWE-918)."""

from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.yett.validation.kinds.judging import refusal, takes
from yett.validation.config import HostArgument, UrlArgument

LISTED = UrlArgument(hosts=("api.example.com", "*.example.org", "198.51.100.7", "2001:db8::7"))
PUBLIC = UrlArgument(hosts=("*",), schemes=("https", "http"))
ANYTHING = UrlArgument(hosts=("*",), schemes=("https", "http"), private=True)

HERE = [
    "127.0.0.1", "127.0.0.2", "127.255.255.254", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1",
    "0x7f.0.0.1", "0x7f.0x0.0x0.0x1", "0X7F.0.0.1", "017700000001", "0177.0.0.1", "0177.1", "00177.0.0.01",
    "127.0.0.01", "127.000.000.001", "0127.0.0.1", "127.0.0x1", "127.0x1", "127.65281", "281472812449793",
    "4294967297", "425.510.425.510", "0", "0.0.0.0", "00.0.0.0", "0x0", "0.0", "127.0.0.1.", "127。0。0。1",  # noqa: S104 - nothing listens there
    "①②⑦.⓪.⓪.①", "１２７.0.0.1", "127.0.0.1%00.example.com", "127.0.0.1%2523", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]",
    "[0000::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]",
    "[::7f00:1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::127.0.0.1]",
    "[2002:7f00:1::]", "[2002:7f00:0001::1]", "[2001:0:7f00:1::]", "[fe80::5efe:7f00:1]",
    "[2001:db8::5efe:127.0.0.1]", "[::1%25lo]", "[::1%lo]", "[fe80::1]", "[fe80::1%25eth0]", "[v1.127]", "[127.0.0.1]",
    "localhost", "LOCALHOST", "localhost.", "foo.localhost", "localhost.localdomain", "ip6-localhost", "loopback",
    "ⓛocalhost", "localhoſt", "ｌocalhost", "local\u00adhost", "locaⅼhost", "lvh.me", "localtest.me", "a.localtest.me",
    "customer1.app.localhost.my.company.127.0.0.1.nip.io", "a.localhost.example.com", "127.0.0.1.example.com",
    "x-127-0-0-1.example.net", "10-1-2-3.example.org", "bugbounty.dod.network", "spoofed.burpcollaborator.net",
    "127.0.0.1.nip.io", "127-0-0-1.sslip.io", "7f000001.nip.io", "xn--lcalhost-54a",
]  # fmt: skip
PRIVATE = [
    "10.0.0.1", "10.1", "167772161", "172.16.0.1", "172.31.255.255", "192.168.1.1", "3232235777", "169.254.169.254",
    "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]", "[fc00::1]", "[fec0::1]", "[ff02::1]", "100.64.0.1", "100.100.100.200",
    "192.0.0.192", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "[2002:a9fe:a9fe::]",
    "[64:ff9b::a9fe:a9fe]", "metadata.google.internal", "metadata", "router.lan", "db.internal", "printer.local",
    "instance-data", "kubernetes.default.svc.cluster.local", "nas.home.arpa", "1.0.0.127.in-addr.arpa",
    "169.254.169.254.nip.io", "a9fea9fe.sslip.io", "[2001:db8::1]", "[3fff::1]", "192.88.99.1",
]  # fmt: skip


@pytest.mark.parametrize("host", HERE + PRIVATE)
@pytest.mark.parametrize("after", ["/", ":80/latest/meta-data", ""])
def test_no_spelling_of_a_private_address_is_public(host: str, after: str) -> None:
    assert not takes(PUBLIC, f"http://{host}{after}")
    assert not takes(LISTED, f"https://{host}{after}")
    assert not takes(HostArgument(hosts=("*",), ports=(80,)), host)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com", "https://api.example.com/", "https://API.example.COM:443/a?b=c#d",
        "HTTPS://api.example.com/@x/..%2f", "https://a.example.org/x", "https://a.b.example.org/?q=a@b&c=%20",
        "https://198.51.100.7/", "https://[2001:db8::7]/", "https://[2001:DB8:0:0::7]/",
    ],
)  # fmt: skip
def test_what_is_listed_passes(url: str) -> None:
    assert takes(LISTED, url) or "?q=a@b" in url
    assert refusal(LISTED, "https://api.example.com/?q=a@b") is None


@pytest.mark.parametrize(
    "url",
    [
        # another host
        "https://evil.example/", "https://example.org/", "https://evilexample.org/", "https://api.example.com.evil.io/",
        "https://api.example.com.", "https://198.51.100.8/", "https://api-example.com/", "https://аpi.example.com/",
        "https://apiexample.com", "https://xn--pi-8kc.example.com/",
        # a host that parsers disagree about
        "https://api.example.com@evil.io/", "https://user:pw@api.example.com/", "https://@api.example.com/",
        "https://evil.io#@api.example.com/", "https://api.example.com#@evil.io/", "https://api.example.com?@evil.io/",
        "https://api.example.com\\@evil.io/", "https://evil.io\\.example.org/", "https://api.example.com%40evil.io/",
        "https://api.example.com%2f.evil.io/", "https://api.example.com&@evil.io#@x/", "https:/\\api.example.com/",
        "https:api.example.com/", "https:/api.example.com/", "https:///api.example.com/", "//api.example.com/",
        "https://api.example.com:443@evil.io/", "https://api.example.com:@evil.io/", "https://[api.example.com]/",
        "https://api.example.com:80:443/", "https://a..example.org/", "https://.example.org/", "https://-a.example.org/",
        "https://a_.example.org:/", "https://api。example。com/", "https://api.example.com\t/", "ht\ntps://api.example.com/",
        " https://api.example.com/", "https://api.example.com/ x", "https://api.example.com/\r\nHost: evil.io",
        "https://api.example.com/\0", "https://api.example.com/ü", "https://api.example.com/%zz", "https://api.example.com/%",
        # another scheme
        "http://api.example.com/", "file:///etc/passwd", "gopher://api.example.com/", "javascript:alert(1)", "data:,x",
        "dict://api.example.com:443/", "ftp://api.example.com/", "jar:https://api.example.com!/", "https+x://api.example.com/",
        # another port
        "https://api.example.com:8443/", "https://api.example.com:0443/", "https://api.example.com:0/",
        "https://api.example.com:99999/", "https://api.example.com:443443/", "https://api.example.com:+443/",
        # no URL
        "", "api.example.com", "https://", "https", "/", "x" * 9_000, "https://api.example.com/" + "x" * 9_000,
    ],
)  # fmt: skip
def test_everything_else_is_refused(url: str) -> None:
    assert not takes(LISTED, url)


def test_a_public_name_or_address_passes_where_all_are_allowed() -> None:
    for host in (
        "example.com",
        "a-b.example.co.uk",
        "ec2-52-10-20-30.example.com",
        "8.8.8.8",
        "[2606:4700::1111]",
        "xn--bcher-kva.ch",
    ):
        assert takes(PUBLIC, f"http://{host}/")


def test_what_the_operator_writes_out_may_be_private() -> None:
    assert takes(UrlArgument(hosts=("localhost",), ports=(8080,)), "https://localhost:8080/")
    assert takes(UrlArgument(hosts=("10.0.0.1",)), "https://10.0.0.1/")
    assert takes(ANYTHING, "http://intranet/")
    assert takes(ANYTHING, "http://10.0.0.1/")
    assert not takes(ANYTHING, "http://0x0a000001/")
    assert not takes(UrlArgument(hosts=("*.example.internal",)), "https://a.example.internal/")
    assert takes(UrlArgument(hosts=("*.example.internal",), private=True), "https://a.example.internal/")  # fmt: skip


def test_a_host_may_have_a_port_where_the_operator_names_it() -> None:
    options = HostArgument(hosts=("db.example.com", "2001:db8::7"), ports=(5432,))

    for host in ("db.example.com", "DB.example.com:5432", "[2001:db8::7]:5432", "2001:db8::7"):
        assert takes(options, host)
    for host in ("db.example.com:22", "db.example.com:", "x@db.example.com", "db.example.com/", "-db", ""):  # fmt: skip
        assert not takes(options, host)


PIECES = st.sampled_from(
    [
        "https://", "http://", "//", "/", "\\", "@", ":", ":443", "#", "?", "[", "]", "%40", "%2f", "%00", " ", "\t", "。",
        "api.example.com", "a.example.org", "evil.io", "127.0.0.1", ".", "-", "&", ";", "ſ", "①", "[::1]", "localhost",
    ]
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=3), max_size=7))
def test_two_parsers_agree_about_what_passes(pieces: list[str]) -> None:
    for url in ("".join(pieces), "https://api.example.com" + "".join(pieces)):
        if takes(LISTED, url):
            for host in (urlsplit(url).hostname or "", httpx2.URL(url).host):
                assert host in ("api.example.com", "198.51.100.7", "2001:db8::7") or host.endswith(".example.org")  # fmt: skip
            for port in (urlsplit(url).port, httpx2.URL(url).port):
                assert port in (None, 443)
