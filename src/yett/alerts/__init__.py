"""What should a person hear of? Watches what was decided, and decides nothing itself."""
