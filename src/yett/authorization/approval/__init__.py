"""Who agreed to which call? Questions to people, their answers, and the one call that a yes lets pass."""

from yett.authorization.approval.desk import ApprovalDesk

__all__ = ["ApprovalDesk"]
