"""What reads hostile bytes, fed with bytes that nobody thought of. `make fuzz` runs each target for a while."""
