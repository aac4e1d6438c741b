"""The list of reasons is closed, and each has exactly one form on the wire."""

import re

import pytest

from yett.core.reasons import WIRE, Reason

# JSON-RPC 2.0 §5.1 reserves these; MCP 2026-07-28 gave meaning to -32020 to -32022.
RESERVED = range(-32768, -31999)
GIVEN_BY_A_SPECIFICATION = {-32700, -32600, -32601, -32602, -32603, -32020, -32021, -32022}

# What a client may learn of the inside: nothing. Names of the road, the store, the machine.
INSIDE = re.compile(
    r"cedar|sqlite|postgres|redis|vault|python|traceback|exception|policy|quota|breaker|/|%|\{",
    re.IGNORECASE,
)


def test_every_reason_has_a_wire_form_and_no_other_has() -> None:
    assert set(WIRE) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_code_is_outside_the_reserved_range_unless_a_specification_gives_it(
    reason: Reason,
) -> None:
    code = WIRE[reason].rpc

    assert code not in RESERVED or code in GIVEN_BY_A_SPECIFICATION


@pytest.mark.parametrize("reason", Reason)
def test_a_code_of_our_own_equals_the_http_status(reason: Reason) -> None:
    wire = WIRE[reason]

    assert wire.rpc < 0 or wire.rpc == wire.http


@pytest.mark.parametrize("reason", Reason)
def test_a_status_is_an_error_except_where_mcp_answers_200(reason: Reason) -> None:
    wire = WIRE[reason]

    assert 400 <= wire.http <= 599
    for status in wire.mcp_http:
        assert status == 200 or 400 <= status <= 599


@pytest.mark.parametrize("reason", Reason)
def test_a_text_is_one_short_sentence_that_tells_nothing_of_the_inside(reason: Reason) -> None:
    text = WIRE[reason].text

    assert 5 <= len(text) <= 90
    assert text[0].isupper()
    assert text[-1] != "."
    assert text.isascii()
    assert not INSIDE.search(text.replace("application/json", "").replace("text/event-stream", ""))


def test_a_forbidden_tool_and_an_unknown_tool_look_the_same() -> None:
    assert WIRE[Reason.UNKNOWN_TOOL] == WIRE[Reason.NOT_PERMITTED]


def test_what_may_be_retried_is_a_condition_that_passes() -> None:
    retryable = {reason for reason in Reason if WIRE[reason].retryable}

    assert retryable == {
        Reason.RATE_LIMITED,
        Reason.CIRCUIT_OPEN,
        Reason.AUDIT_UNAVAILABLE,
        Reason.LIMITS_UNAVAILABLE,
        Reason.UPSTREAM_UNREACHABLE,
        Reason.UPSTREAM_TIMEOUT,
    }


def test_the_names_are_the_values() -> None:
    for reason in Reason:
        assert reason.value == reason.name.lower()
