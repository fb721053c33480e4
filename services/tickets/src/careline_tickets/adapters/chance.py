"""Tracking codes and salts from the operating system's generator."""

import secrets

from careline_tickets.domain.tracking import ALPHABET, SIGNS, grouped

BITS = 5
"""A sign of the alphabet holds so many."""


class SystemChance:
    def code(self) -> str:
        bits = secrets.randbits(BITS * SIGNS)
        return grouped("".join(ALPHABET[bits >> BITS * at & 31] for at in range(SIGNS)))

    def salt(self) -> bytes:
        return secrets.token_bytes(16)
