"""The demo floor: callers, agents, patients and an insurer who use the public APIs only."""
