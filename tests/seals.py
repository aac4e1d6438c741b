"""One sealer for tests that do not care which."""

from typing import Final

from tests.clock import HandClock
from yett.core.seal import KEY_BYTES, Sealer

SEALER: Final = Sealer(bytes(KEY_BYTES), HandClock())
