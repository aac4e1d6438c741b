"""What is asked about a task fits its form, and holds answers and nothing else."""

from typing import Any

import msgspec
import pytest

from tests.seals import SEALER
from tests.yett.validation.calls import permitted, tool
from yett.core.bounds import INPUTS_MAX
from yett.core.errors import Denied
from yett.core.operations import OPERATIONS
from yett.core.proofs import Validated
from yett.core.reasons import Reason
from yett.core.tasks import FOLLOW_UPS, Form, TaskAsked, TaskHandle
from yett.validation import SchemaCache, Validator


def check(
    method: str,
    inputs: dict[str, Any] | None = None,
    *,
    form: Form = "extension",
    proven: bool = True,
) -> Validated:
    handle = TaskHandle("demo", "echo", form, "t-1") if proven else None
    asked = permitted(inputs or {}, tool({"type": "object"}))
    call = msgspec.structs.replace(
        asked.call, operation=OPERATIONS[method], task=TaskAsked("sealed", handle=handle)
    )
    return Validator(SchemaCache(), SEALER).check(msgspec.structs.replace(asked, call=call))


@pytest.mark.parametrize(
    ("method", "form"),
    [(method, form) for method, forms in FOLLOW_UPS.items() for form in sorted(forms)],
)
def test_each_form_is_asked_what_it_knows(method: str, form: Form) -> None:
    resumption = check(method, form=form).resumption

    assert resumption is not None
    assert (resumption.state, resumption.seal) == ("t-1", "sealed")


@pytest.mark.parametrize(("method", "form"), [("tasks/result", "extension"), ("tasks/update", "core")])  # fmt: skip
def test_no_form_is_asked_what_it_does_not_know(method: str, form: Form) -> None:
    with pytest.raises(Denied) as caught:
        check(method, form=form)
    assert caught.value.reason is Reason.INVALID_STATE


def test_an_id_that_was_not_proven_is_none() -> None:
    with pytest.raises(Denied) as caught:
        check("tasks/get", proven=False)
    assert caught.value.reason is Reason.INVALID_STATE


def test_answers_go_on_as_they_are() -> None:
    resumption = check("tasks/update", {"q": {"action": "accept"}}).resumption

    assert resumption is not None
    assert resumption.inputs == {"q": {"action": "accept"}}


@pytest.mark.parametrize(
    "inputs",
    [{"q": 1}, {str(number): {} for number in range(INPUTS_MAX + 1)}, {"q": {"a": "x" * 200_000}}],
)
def test_what_is_no_answer_is_refused(inputs: dict[str, Any]) -> None:
    with pytest.raises(Denied) as caught:
        check("tasks/update", inputs)
    assert caught.value.reason is Reason.INVALID_INPUT
