"""Where durable state lies: SQLite now, PostgreSQL behind the same port."""

from yett.storage.port import Database, Row, Transaction, Value

__all__ = ["Database", "Row", "Transaction", "Value"]
