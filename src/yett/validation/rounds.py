"""Does a call go on from where it stopped? Only its own caller may, with its own arguments."""

from typing import Final

import msgspec

from yett.core.bounds import INPUTS_MAX
from yett.core.errors import Denied
from yett.core.proofs import Permitted
from yett.core.reasons import Reason
from yett.core.rounds import Round, purpose_of
from yett.core.seal import Sealer, SealError
from yett.core.talk import Resumption, Talk
from yett.core.target import JSON
from yett.validation.answers import problem_of
from yett.validation.arguments import pointer_to
from yett.validation.refusal import deny, measured

_INPUTS: Final = "inputResponses"


def resume(permitted: Permitted, encoded: bytes, talk: Talk, sealer: Sealer) -> Resumption:
    """Judge what a caller brings for the next round. encoded: compact JSON of the arguments.

    Answers to what was not asked are left out (MCP 2026-07-28, Multi Round-Trip Requests: Error
    Handling).

    Raises:
        Denied: invalid_state, the state was not given to this caller for this call, or is too old;
            invalid_input, the inputs are no answers.
    """
    given = talk.inputs or {}
    inputs = {key: answer for key, answer in given.items() if isinstance(answer, dict)}
    if len(inputs) < len(given) or len(inputs) > INPUTS_MAX:
        deny(pointer_to((_INPUTS,)), "is not an object of a few answers")
    if inputs:
        measured(inputs)
    if not talk.state:
        return Resumption({**inputs})
    try:
        content = sealer.open(
            talk.state, owner=permitted.principal.id, purpose=purpose_of(permitted, encoded)
        )
    except SealError:
        raise Denied(Reason.INVALID_STATE, "the request state does not open here") from None
    before = msgspec.convert(content, Round)
    kept: dict[str, JSON] = {}
    for key, answer in inputs.items():
        if key in before.asked:
            problem = problem_of(before.asked[key], answer)
            if problem is not None:
                deny(pointer_to((_INPUTS, key)), problem)
            kept[key] = answer
    failed = tuple(key for key in talk.failed if key in before.asked)
    return Resumption(kept, failed, before.state, talk.state, before.id)
