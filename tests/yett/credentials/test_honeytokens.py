"""What the lookout sees in one call. What is seen from outside is in tests/attacks/test_honeytokens.py."""

import secrets
import timeit

import msgspec
import pytest

from tests.yett.credentials.samples import Ledger, admitted
from yett.core.errors import Denied
from yett.core.proofs import Identified
from yett.core.secret import Secret
from yett.credentials.honeytokens import CHARS_MAX, HONEYTOKENS_MAX, Lookout, Trap


def lookout(*values: str) -> tuple[Lookout, Ledger]:
    ledger = Ledger()
    traps = [Trap(f"trap-{n}", Secret(value), cuts=False) for n, value in enumerate(values)]
    return Lookout(traps, ledger.record, lambda _: None), ledger


def said(text: str) -> Identified:
    permitted = admitted().validated.permitted
    call = msgspec.structs.replace(permitted.call, arguments={"text": text})
    return Identified(call, permitted.principal)


@pytest.mark.parametrize(
    "value", ["ключ-к-хранилищу-нашему-навсегда", "sk-ask-This-Value-1", "a.b*c(d[e\\f+g?h"]
)
def test_a_value_of_any_letters_is_known(value: str) -> None:
    look_out, ledger = lookout("another-value-1234", value)

    with pytest.raises(Denied):
        look_out(said(f"it is {value}!"))

    assert [event["name"] for event in ledger.events] == ["trap-1"]


@pytest.mark.parametrize("text", ["\u017fk-a\u017fk-Thi\u017f-Value-1", "sk-ask-This-Value-", ""])
def test_what_is_only_like_one_is_none(text: str) -> None:
    look_out, ledger = lookout("sk-ask-This-Value-1-and-some-more")

    look_out(said(text))

    assert not ledger.events


def test_as_many_as_there_may_be_cost_a_call_little() -> None:
    look_out, _ = lookout(*(secrets.token_hex(CHARS_MAX // 2) for _ in range(HONEYTOKENS_MAX)))
    call = said(secrets.token_hex(500))

    # About 0.02 ms on an idle core; an automaton that does not fit takes 2 to 8 ms.
    assert min(timeit.repeat(lambda: look_out(call), number=1, repeat=50)) < 0.001
