"""Configuration in, stage out. Sanitising has detectors in place of backends."""

from collections.abc import Mapping
from typing import Final

from yett.core.seal import Sealer
from yett.sanitising.config import AnswerRules, Detector
from yett.sanitising.own import rules_of
from yett.sanitising.port import OutputCheck
from yett.sanitising.renaming import Publish
from yett.sanitising.scanner import Scanner, shared_scanner
from yett.sanitising.stage import Sanitiser

_NONE: Final[Mapping[str, Detector]] = {}


def build(
    rules: Mapping[str, AnswerRules],
    output_problem: OutputCheck,
    sealer: Sealer,
    publish: Publish,
    detectors: Mapping[str, Detector] = _NONE,
) -> Sanitiser:
    """Make the stage. rules: by `server/tool`. output_problem: from validation. sealer: one for the
    life of the process. publish: from the catalogue, how resources are called on `/mcp`. detectors: of
    the operator, known to be good."""
    scanner = Scanner(own=rules_of(detectors)) if detectors else shared_scanner()
    return Sanitiser(scanner, rules, output_problem, sealer, publish)
