"""What an argument is, besides its type: a path, a URL, a statement. One small guard for each kind."""
