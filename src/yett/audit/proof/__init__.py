"""What proves the log to somebody else: Merkle tree, signed checkpoints, and the places they are kept in."""
