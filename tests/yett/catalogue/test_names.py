import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yett.catalogue.names import (
    Template,
    decode_uri,
    public_name,
    public_template,
    public_uri,
    split_name,
    split_uri,
)
from yett.core.bounds import URI_CHARS_MAX
from yett.core.target import SERVER_NAME_PATTERN

SERVERS = st.from_regex(SERVER_NAME_PATTERN).filter(lambda name: not name.endswith("\n"))
TOOLS = st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True)


@given(SERVERS, TOOLS)
def test_a_public_name_leads_back_to_server_and_tool(server: str, tool: str) -> None:
    assert split_name(public_name(server, tool)) == (server, tool)


@given(SERVERS, SERVERS, TOOLS, TOOLS)
def test_no_two_tools_share_a_public_name(one: str, two: str, left: str, right: str) -> None:
    same = (one, left) == (two, right)
    assert (public_name(one, left) == public_name(two, right)) == same


def test_a_name_without_the_separator_names_no_tool() -> None:
    assert split_name("get_time") == ("get_time", "")


@given(SERVERS, st.text(max_size=50).filter(lambda text: text.isprintable()))
def test_a_public_uri_leads_back_to_the_servers_own(server: str, uri: str) -> None:
    found, encoded = split_uri(public_uri(server, uri))
    assert found == server
    assert decode_uri(encoded) == uri


@pytest.mark.parametrize("encoded", ["note%3a%2f%2fx", "note:%2F%2Fx", "%C3", "%41", "a b"])
def test_a_uri_has_one_spelling(encoded: str) -> None:
    assert decode_uri(encoded) is None


@pytest.mark.parametrize(
    "uri", ["note:///x", "YETT://a/b", "yett:/a/b", "yett://" + "a" * 3 * URI_CHARS_MAX + "/b"]
)
def test_what_is_no_public_uri_names_nothing(uri: str) -> None:
    assert split_uri(uri)[1] == ""


def test_a_template_is_rewritten_so_that_what_is_made_of_it_leads_back() -> None:
    public = public_template("notes", "note:///{title}/of/{year}")
    assert public == "yett://notes/note%3A%2F%2F%2F{title}%2Fof%2F{year}"
    expanded = public.replace("{title}", quote("a b/c", safe="")).replace("{year}", "2027")
    template = Template("note:///{title}/of/{year}")
    own = template.lead_back(split_uri(expanded)[1])
    assert own == "note:///a%20b%2Fc/of/2027"
    assert template.matches(own)


@pytest.mark.parametrize(
    "uri",
    [
        "note:///",
        "note:///a/b",
        "note:///a b",
        "note:///a?b",
        "note:///ä",
        "note:///..",
        "note:///%2e%2e",
        "note:///..%2Fsecret",
        "note:///..%5csecret",
        "note:///%252e%252e%252fsecret",
        "note:///%2525252525252e",
        "note:///a%00b",
        "NOTE:///a",
        "note:///a\n",
        "xnote:///a",
        "",
    ],
)
def test_what_leaves_the_template_does_not_match(uri: str) -> None:
    assert not Template("note:///{title}").matches(uri)


@pytest.mark.parametrize(
    "value", ["", "..", "%2e%2e", "..%2Fsecret", "..%5csecret", "%252e%252e%252fx", "a%00b", "a/b"]
)
def test_what_leaves_the_template_is_not_led_back(value: str) -> None:
    assert Template("note:///{title}").lead_back(f"note%3A%2F%2F%2F{value}") is None


@pytest.mark.parametrize(
    "uri", ["note:///a", "note:///a.b-c_d~e", "note:///100%25", "note:///a..b"]
)
def test_what_a_client_makes_of_the_template_matches(uri: str) -> None:
    assert Template("note:///{title}").matches(uri)


@pytest.mark.parametrize(
    "template", ["note:///fixed", "file:///{+path}", "a://{x*}", "a://{x}{", "}"]
)
def test_other_templates_match_nothing(template: str) -> None:
    assert not Template(template).matches("note:///fixed")
    assert not Template(template).matches(template)
    assert Template(template).lead_back("note%3A%2F%2F%2Ffixed") is None


def test_matching_takes_linear_time() -> None:
    """CWE-1333: this template makes a backtracking matcher try for ever."""
    template = Template("a://" + "{x}-" * 30 + "!")
    begun = time.process_time()
    assert not template.matches("a://" + "a-" * 1000)
    assert time.process_time() - begun < 0.5
