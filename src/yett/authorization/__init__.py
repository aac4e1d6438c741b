"""May they? Roles and Cedar policies, denied by default."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yett.authorization.explanation import Explanation
    from yett.authorization.stage import Authorizer
else:
    from yett.core.lazy import lazily

    __getattr__ = lazily(
        __name__,
        Explanation="explanation",
        Authorizer="stage",
    )

__all__ = ["Authorizer", "Explanation"]
