"""Personal data under a key: look-up columns and log lines carry tags, not numbers."""

import hashlib
import hmac
import secrets
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # who reads a file in a process of its own starts without pydantic
    from pydantic import SecretStr


class PiiHasher:
    """HMAC-SHA256 under a key of this installation.

    Without a key a random one is taken, which holds for this process only: look-ups by number then
    find nothing after a restart.
    """

    def __init__(self, key: "SecretStr | str") -> None:
        text = key if isinstance(key, str) else key.get_secret_value()
        self._key = text.encode() or secrets.token_bytes(32)
        self._log_keys: dict[date, bytes] = {}

    def lookup(self, value: str) -> bytes:
        """32 bytes for a look-up column: the same for the same value, for ever."""
        return hmac.digest(self._key, b"lookup:" + value.encode("utf-8", "replace"), hashlib.sha256)

    def code_key(self, keyed: str) -> str:
        """A tracking code as it is keyed on a telephone, for who may tell how its appeal stands and shall not know it."""
        return self.lookup(f"tracking {keyed}").hex()

    def log_tag(self, value: object, day: date) -> str:
        """A short tag for logs: the same value has the same tag within one day only."""
        key = self._log_keys.get(day)
        if key is None:
            key = hmac.digest(self._key, f"log:{day.isoformat()}".encode(), hashlib.sha256)
            self._log_keys = {day: key}
        digest = hmac.digest(key, str(value).encode("utf-8", "replace"), hashlib.sha256)
        return f"h:{digest.hex()[:16]}"
