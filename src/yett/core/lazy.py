"""Names of a package that are loaded when somebody first asks for them (PEP 562).

A command that needs the settings of a domain must not load the domain.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def lazily(package: str, **modules: str) -> Callable[[str], Any]:
    """Return the package's `__getattr__`. modules: by name, which module of the package it is in."""

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(f"{package}.{modules[name]}"), name)
        setattr(sys.modules[package], name, found)
        return found

    return get
