"""Tracking codes and salts from the operating system's generator."""

import secrets

from careline_tickets.domain.tracking import ALPHABET, SIGNS, grouped


class SystemChance:
    def code(self) -> str:
        return grouped("".join(secrets.choice(ALPHABET) for _ in range(SIGNS)))

    def salt(self) -> bytes:
        return secrets.token_bytes(16)
