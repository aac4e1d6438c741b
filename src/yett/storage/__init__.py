"""Where durable state lies: SQLite now, PostgreSQL behind the same port."""
