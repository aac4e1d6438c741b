"""Configuration in, stage out. Sanitising has detectors in place of backends."""

from collections.abc import Mapping

from yett.core.seal import Sealer
from yett.sanitising.config import AnswerRules
from yett.sanitising.port import OutputCheck
from yett.sanitising.renaming import Publish
from yett.sanitising.scanner import shared_scanner
from yett.sanitising.stage import Sanitiser


def build(
    rules: Mapping[str, AnswerRules], output_problem: OutputCheck, sealer: Sealer, publish: Publish
) -> Sanitiser:
    """Make the stage. rules: by `server/tool`. output_problem: from validation. sealer: one for the
    life of the process. publish: from the catalogue, how resources are called on `/mcp`."""
    return Sanitiser(shared_scanner(), rules, output_problem, sealer, publish)
