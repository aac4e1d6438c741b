"""`python -m fuzz.one TARGET …`: be one target. The rest of the line is for libFuzzer."""

import sys

import atheris

with atheris.instrument_imports(
    include=["yett", "fuzz"]
):  # so that it sees which way an input went
    from fuzz.targets import TARGETS

if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()
