"""What an operator types. One file per noun; each is imported only when it is used."""

from yett.cli.root import main

__all__ = ["main"]
