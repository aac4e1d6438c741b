"""Servers of 2025-11-25 that want a web page to be visited first, brought to a question. Pure.

They answer with the error -32042 (URLElicitationRequired) and expect the same call again; in 2026-07-28
that is an `input_required` result, and the code must not be sent any more (Error Codes).
"""

from typing import Final

from yett.core.bounds import INPUTS_MAX
from yett.core.call import RpcError
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.talk import INPUT_REQUIRED, Resumption
from yett.core.target import JSON
from yett.upstreams.port import Wishes
from yett.upstreams.wishes import may_be_asked

ELSEWHERE: Final = "e:"
"""State of a call that goes on once its caller was there; the server knows of no state."""

_CODE: Final = -32042
_ELICIT: Final = "elicitation/create"


def as_question(error: RpcError | None, wishes: Wishes) -> dict[str, JSON] | None:
    """Return what such an error asks, if the caller can be asked it; whether it may be shown is for
    sanitising to say. None: it remains an error."""
    if error is None or error.code != _CODE or not isinstance(error.data, dict):
        return None
    pages = error.data.get("elicitations")
    if not isinstance(pages, list) or not 0 < len(pages) <= INPUTS_MAX:
        return None
    asked: dict[str, JSON] = {}
    for number, page in enumerate(pages):
        if not isinstance(page, dict):
            return None
        params = {"mode": "url", "message": page.get("message"), "url": page.get("url")}
        if not may_be_asked(wishes, _ELICIT, params):
            return None
        asked[f"page{number}"] = {"method": _ELICIT, "params": params}
    return {"resultType": INPUT_REQUIRED, "inputRequests": asked, "requestState": ELSEWHERE}


def check_been_there(resumption: Resumption) -> None:
    """Let the call be made again only if its caller agreed to everything; else it would ask for ever.

    Raises:
        Fault: CANCELLED.
    """
    answers = resumption.inputs.values()
    if resumption.failed or not all(
        isinstance(answer, dict) and answer.get("action") == "accept" for answer in answers
    ):
        raise Fault(Reason.CANCELLED, "the caller did not go where the server sent it")
