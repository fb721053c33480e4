"""The outside world of the router for tests, demos and trials: servers that behave, and misbehave."""
