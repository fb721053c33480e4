"""People and partners for the end-to-end tests: they use Careline's public doors only."""
