"""Programs of the outside world, as small as they can be, for trying out and for tests."""
