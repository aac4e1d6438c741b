"""Measure what detectors and guards find in texts that others wrote; print figures, then tables.

Usage: python -m bench.detect [DIRECTORY WITH THE CORPORA] [--figures]

Ends with 1 if a figure is missed. The corpora lie beside the repository and are not part of it.
"""

import sys
from pathlib import Path
from typing import Final

from bench.detection import answers, arguments, definitions, guards
from bench.detection.answers import Measure
from bench.detection.tables import DEFAULT, Figure, Table

SECTIONS: Final[tuple[Measure, ...]] = (
    arguments.statements,
    arguments.payloads,
    guards.guards,
    answers.carriers,
    answers.secrets,
    answers.injections,
    answers.personal,
    definitions.tools,
    answers.timing,
)


def main(arguments_given: list[str]) -> int:
    named = [argument for argument in arguments_given if not argument.startswith("-")]
    directory = Path(named[0]) if named else DEFAULT
    if not (directory / "injections.jsonl").exists():
        print(f"no corpora in {directory}; name their directory", file=sys.stderr)
        return 2
    tables: list[Table] = []
    figures: list[Figure] = []
    for section in SECTIONS:
        more_tables, more_figures = section(directory)
        tables += more_tables
        figures += more_figures
    print("| figure | bar | measured | |\n|---|---|---|---|")
    for figure in figures:
        print(figure)
    print()
    if "--figures" not in arguments_given:
        for table in tables:
            print("\n".join(table.lines()))
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
