"""Does what a caller sends about a task fit? Answers to its questions, and nothing else."""

from yett.core.bounds import INPUTS_MAX
from yett.core.errors import Denied
from yett.core.proofs import Permitted
from yett.core.reasons import Reason
from yett.core.talk import Resumption
from yett.core.tasks import FOLLOW_UPS, TaskAsked
from yett.validation.arguments import pointer_to
from yett.validation.refusal import deny, measured


def follow_up(permitted: Permitted, task: TaskAsked) -> Resumption:
    """Judge what is asked about a task; what it costs was paid when it began.

    Raises:
        Denied: invalid_state, the task is of a form that does not know this; invalid_input.
    """
    call, handle = permitted.call, task.handle
    if handle is None or handle.form not in FOLLOW_UPS.get(call.operation.method, frozenset()):
        raise Denied(Reason.INVALID_STATE, f"`{call.operation.method}` is nothing for this task")
    inputs = call.arguments
    if len(inputs) > INPUTS_MAX or not all(isinstance(given, dict) for given in inputs.values()):
        deny(pointer_to(("inputResponses",)), "is not an object of a few answers")
    if inputs:
        measured(inputs)
    return Resumption(inputs, state=handle.id, seal=task.id)
