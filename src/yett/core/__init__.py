"""The language every other package speaks. No I/O, imports nothing of ours."""
