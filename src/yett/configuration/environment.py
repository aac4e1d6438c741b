"""The only reader of the process's environment; everybody else is told what it says."""

import os

# The ban names this module as the exception; see `tool.ruff.lint.flake8-tidy-imports` in pyproject.


def variable(name: str) -> str | None:
    """Return the value of a variable; None if it is not set or empty."""
    return os.environ.get(name) or None  # noqa: TID251 - see above


def variables() -> dict[str, str]:
    """Return a copy of all, for those who resolve `env:NAME` references."""
    return dict(os.environ)  # noqa: TID251 - see above
