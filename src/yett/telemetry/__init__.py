"""Logs, metrics and traces: observes, decides nothing."""
