"""Yett attacks itself, and shows what it does: the demonstration server and the guided tour."""
