"""The pages of docs/reference, each a pure function of the code."""
