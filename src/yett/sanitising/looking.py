"""What there is in one text, by name: for who only asks. Pure."""

from collections import Counter
from typing import Final

from yett.sanitising.patience import Unwalkable
from yett.sanitising.rewriting import Cleaner
from yett.sanitising.scanner import shared_scanner

TOO_MUCH: Final = "too-much"


def findings(text: str) -> Counter[str]:
    """Return how often each thing is found that detectors look for, read as an answer is read.

    `too-much`: it could not be read to its end. Raises nothing.
    """
    hits = shared_scanner().look(text)
    if not hits.is_worth_a_look:
        return Counter()
    cleaner = Cleaner(shared_scanner(), hits, {})
    try:
        cleaner.text(text)
    except Unwalkable:
        cleaner.found[TOO_MUCH] += 1
    return cleaner.found
