"""How a message leaves for a program of the operator's: one attempt, bounded in time, to the address that
the configuration names and to no other. Who calls decides what is sent, when it is tried again, and when given up."""

from yett.delivery.connection import Undelivered

__all__ = ["Undelivered"]
