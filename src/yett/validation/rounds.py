"""Does a call go on from where it stopped? Only its own caller may, with its own arguments, once."""

from yett.core.bounds import INPUTS_MAX
from yett.core.errors import Denied
from yett.core.proofs import Permitted
from yett.core.reasons import Reason
from yett.core.rounds import purpose_of
from yett.core.seal import Sealer, SealError
from yett.core.talk import Resumption, Talk
from yett.validation.arguments import pointer_to
from yett.validation.refusal import deny, measured


def resume(permitted: Permitted, encoded: bytes, talk: Talk, sealer: Sealer) -> Resumption:
    """Judge what a caller brings for the next round. encoded: compact JSON of the arguments.

    Raises:
        Denied: invalid_state, the state was not given to this caller for this call, or is used up;
            invalid_input, the inputs are no answers.
    """
    inputs = talk.inputs or {}
    if len(inputs) > INPUTS_MAX or not all(isinstance(given, dict) for given in inputs.values()):
        deny(pointer_to(("inputResponses",)), "is not an object of a few answers")
    if inputs:
        measured(inputs)
    state = ""
    if talk.state:
        try:
            state = sealer.open(
                talk.state,
                owner=permitted.principal.id,
                purpose=purpose_of(permitted, encoded),
                once=True,
            )
        except SealError:
            raise Denied(Reason.INVALID_STATE, "the request state does not open here") from None
    return Resumption(state, inputs, talk.failed)
