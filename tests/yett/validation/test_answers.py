"""What a caller answers has the form of an answer to what was asked."""

from typing import Any

import pytest

from yett.core.talk import QUESTIONS
from yett.validation.answers import problem_of

TEXT = {"type": "text", "text": "Paris"}
GOOD: list[tuple[str, dict[str, Any]]] = [
    ("elicitation/create", {"action": "accept", "content": {"a": "x", "b": 1.5, "c": True}}),
    ("elicitation/create", {"action": "accept", "content": {"a": ["x", "y"], "b": []}}),
    ("elicitation/create", {"action": "accept", "_meta": {"x": 1}}),
    ("elicitation/create", {"action": "decline"}),
    ("elicitation/create", {"action": "cancel", "content": {}}),
    ("sampling/createMessage", {"role": "assistant", "model": "m", "content": TEXT}),
    (
        "sampling/createMessage",
        {"role": "user", "model": "", "content": [TEXT], "stopReason": "toolUse"},
    ),
    ("sampling/createMessage", {"role": "assistant", "model": "m", "content": []}),
    ("roots/list", {"roots": []}),
    ("roots/list", {"roots": [{"uri": "file:///a", "name": "a"}, {"uri": "file:///b"}]}),
]
BAD: list[tuple[str, dict[str, Any]]] = [
    ("elicitation/create", {}),
    ("elicitation/create", {"action": ["accept"]}),
    ("elicitation/create", {"action": "accept", "content": []}),
    ("elicitation/create", {"action": "accept", "content": {"a": None}}),
    ("elicitation/create", {"action": "accept", "content": {"a": {"b": 1}}}),
    ("elicitation/create", {"action": "accept", "content": {"a": [1]}}),
    ("sampling/createMessage", {}),
    ("sampling/createMessage", {"role": "system", "model": "m", "content": TEXT}),
    ("sampling/createMessage", {"role": "user", "model": None, "content": TEXT}),
    ("sampling/createMessage", {"role": "user", "model": "m"}),
    ("sampling/createMessage", {"role": "user", "model": "m", "content": "Paris"}),
    ("sampling/createMessage", {"role": "user", "model": "m", "content": [{"text": "x"}]}),
    ("sampling/createMessage", {"role": "user", "model": "m", "content": {"type": 1}}),
    ("roots/list", {}),
    ("roots/list", {"roots": {}}),
    ("roots/list", {"roots": ["file:///a"]}),
    ("roots/list", {"roots": [{"uri": 1}]}),
    ("roots/list", {"roots": [{"uri": "/a"}]}),
    ("tools/call", {}),
]


@pytest.mark.parametrize(("method", "answer"), GOOD)
def test_an_answer_is_an_answer(method: str, answer: dict[str, Any]) -> None:
    assert problem_of(method, answer) is None


@pytest.mark.parametrize(("method", "answer"), BAD)
def test_what_is_none_is_said_to_be_none_and_not_quoted(
    method: str, answer: dict[str, Any]
) -> None:
    problem = problem_of(method, answer)

    assert problem is not None
    assert "Paris" not in problem


def test_every_question_has_its_judge() -> None:
    assert {method for method, _ in GOOD} == QUESTIONS.keys()
