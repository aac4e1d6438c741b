"""The composition root: configuration in, a gate out. Nothing else wires anything."""
