"""Operators come in here: their own port, their own credential, never on the data port."""
