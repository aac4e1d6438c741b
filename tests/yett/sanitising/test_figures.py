"""The published figures hold, on texts that others wrote (docs/reference/detection.md)."""

import pytest
from bench.detection import answers

from tests.needs import CORPORA, needs_corpus


@needs_corpus("injections.jsonl")
@pytest.mark.parametrize(
    "section", [answers.carriers, answers.secrets, answers.injections, answers.personal]
)
def test_the_published_figures_hold(section: answers.Measure) -> None:
    _, figures = section(CORPORA)

    assert figures
    assert [str(figure) for figure in figures if not figure.holds] == []
