"""May they? Roles and Cedar policies, denied by default."""

from yett.authorization.explanation import Explanation
from yett.authorization.stage import Authorizer

__all__ = ["Authorizer", "Explanation"]
