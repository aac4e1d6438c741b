"""What statements of SQL may be sent on, and which rows they see."""
