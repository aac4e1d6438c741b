"""Where the addresses of names come from."""
