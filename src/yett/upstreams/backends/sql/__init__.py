"""A server of ours before a PostgreSQL or SQLite database: three tools that read."""
