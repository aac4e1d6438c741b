"""A server of 2025-11-25 sends its caller to a web page, and the caller of any version gets there."""

from typing import Any

import msgspec
import pytest

from tests.clock import HandClock
from tests.yett.upstreams.test_stage import SECRET, Server, dispatcher, validated
from yett.core.bounds import INPUTS_MAX
from yett.core.call import RpcError
from yett.core.errors import Fault
from yett.core.proofs import Admitted, Answered, Armed, Credential
from yett.core.reasons import Reason
from yett.core.talk import Resumption, Talk
from yett.upstreams.elsewhere import ELSEWHERE
from yett.upstreams.stage import Dispatcher, Route

PAGE = {"mode": "url", "elicitationId": "e1", "url": "https://example.com/go", "message": "Go"}
URL: dict[str, Any] = {"elicitation": {"url": {}}}
ACCEPTED = {"page0": {"action": "accept"}}


class Sending(Server):
    """Sends its caller away, the first so many times."""

    def __init__(self, data: Any, times: int = 1) -> None:
        super().__init__()
        self._error = RpcError(-32042, "You must go there first", data)
        self._times = times

    async def answer(
        self, method: str, params: dict[str, Any], credential: Credential
    ) -> dict[str, Any] | RpcError:
        found = await super().answer(method, params, credential)
        self._times -= 1
        return found if self._times < 0 else self._error


def going_on(inputs: dict[str, Any], *failed: str) -> Resumption:
    return Resumption(state=ELSEWHERE, inputs=inputs, failed=failed)


def reaching(server: Server, *may_ask: str) -> Dispatcher:
    made, route = dispatcher(server, HandClock())
    route = msgspec.structs.replace(route, may_ask=frozenset(may_ask))
    return _with(made, route)


def _with(made: Dispatcher, route: Route) -> Dispatcher:
    made._routes["s"] = route
    return made


async def send(
    made: Dispatcher, capabilities: dict[str, Any], resumption: Resumption | None = None
) -> Answered:
    asked = validated()
    call = msgspec.structs.replace(asked.permitted.call, talk=Talk(capabilities=capabilities))
    permitted = msgspec.structs.replace(asked.permitted, call=call)
    whole = msgspec.structs.replace(asked, permitted=permitted, resumption=resumption)
    return await made.send(Armed(Admitted(whole), SECRET))


async def test_the_caller_is_asked_to_go_there_and_the_call_is_made_again() -> None:
    server = Sending({"elicitations": [PAGE]})
    made = reaching(server, "elicitation")
    asked = await send(made, URL)
    answered = await send(made, URL, going_on(ACCEPTED))

    assert asked.error is None
    assert asked.untrusted == {
        "resultType": "input_required",
        "inputRequests": {"page0": {"method": "elicitation/create", "params": {"mode": "url", "message": "Go", "url": "https://example.com/go"}}},
        "requestState": ELSEWHERE,
    }  # fmt: skip
    assert answered.untrusted == {"content": []}
    assert server.asked[0][1] == server.asked[1][1]  # such a server knows of no rounds


@pytest.mark.parametrize(
    "resumption",
    [
        going_on({"page0": {"action": "decline"}}),
        going_on({"page0": {"action": "accept"}, "page1": {"action": "cancel"}}),
        going_on({"page0": "accept"}),
        going_on({}, "page0"),
    ],
)
async def test_who_does_not_go_does_not_make_it_ask_again(resumption: Resumption) -> None:
    server = Sending({"elicitations": [PAGE]}, times=9)
    with pytest.raises(Fault) as caught:
        await send(reaching(server, "elicitation"), URL, resumption)

    assert (caught.value.reason, caught.value.sent) == (Reason.CANCELLED, False)
    assert server.asked == []


@pytest.mark.parametrize(
    ("capabilities", "may_ask"),
    [({}, ["elicitation"]), (URL, []), ({"elicitation": {}}, ["elicitation"]), ({"sampling": {}}, ["elicitation", "sampling"])],
)  # fmt: skip
async def test_who_cannot_be_sent_there_gets_the_error(
    capabilities: dict[str, Any], may_ask: list[str]
) -> None:
    answered = await send(reaching(Sending({"elicitations": [PAGE]}), *may_ask), capabilities)

    assert answered.error is not None
    assert answered.error.code == -32042


@pytest.mark.parametrize(
    "data",
    [None, [], "x", {}, {"elicitations": {}}, {"elicitations": []}, {"elicitations": ["x"]}, {"elicitations": [PAGE] * (INPUTS_MAX + 1)}],
    ids=lambda data: str(data)[:40],
)  # fmt: skip
async def test_an_error_that_says_nothing_of_a_page_remains_one(data: Any) -> None:
    answered = await send(reaching(Sending(data), "elicitation"), URL)

    assert answered.untrusted is None
    assert answered.error is not None
