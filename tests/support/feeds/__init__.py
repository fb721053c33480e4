"""Real servers that partners run, for feeds."""
