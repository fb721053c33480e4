"""Careline's composition root: puts the four services together and gives them a command line."""
