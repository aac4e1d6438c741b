"""What all written pages have in common."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
NOTE: Final = "Written from the code by `make docs`; change the code, not this page.\n"
