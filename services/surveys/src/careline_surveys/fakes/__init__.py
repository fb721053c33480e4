"""Fakes of the outside world, shipped so that others can try their installation against them."""
