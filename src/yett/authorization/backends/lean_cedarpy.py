"""cedarpy without its typed tree of policies, which nothing here uses.

The tree is fifty dataclasses that Python compiles at each import: a tenth of the time in which a
gate starts. Whoever asks for a part of it all the same (`cedarpy.pst`) gets it then.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any, Final

_TREE: Final = "cedarpy.pst"


class _Later(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(_TREE) is self:
            del sys.modules[_TREE]
            vars(self).update(vars(import_module(_TREE)))
        return object.__getattribute__(self, name)


if "cedarpy" not in sys.modules:
    sys.modules[_TREE] = _Later(_TREE)

import cedarpy  # noqa: E402 - it takes the place that was kept for the tree

__all__ = ["cedarpy"]
