"""May they? Roles and Cedar policies, denied by default."""

from yett.authorization.stage import Authorizer, Explanation

__all__ = ["Authorizer", "Explanation"]
