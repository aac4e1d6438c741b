"""A copy of every line of the log for the places where the operator keeps such things, each told at least once."""
