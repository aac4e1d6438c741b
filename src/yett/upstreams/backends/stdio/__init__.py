"""A server started here and spoken to over its standard input and output, one JSON line each."""
