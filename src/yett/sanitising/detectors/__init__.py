"""What is looked for in texts: one file per kind, each with its own measured rates."""
