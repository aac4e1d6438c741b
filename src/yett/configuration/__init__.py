"""The configuration: its model, and the only reader of its file and of the environment."""
