"""The use cases, by who has them."""
