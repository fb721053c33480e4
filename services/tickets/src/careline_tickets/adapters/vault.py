"""What citizens send, sealed at rest with the keys of the installation (`careline_common.sealed`)."""

from io import BytesIO
from pathlib import Path

from careline_common.sealed import KeyRing, SealError, seal, sealed_anew, unseal
from careline_tickets.ports import AtRest


class Vault:
    """The keys file is read each time: keys may rotate. Without one nothing is sealed. All but `current` raise
    `SealError` where the keys are not there, or what was sealed has been changed."""

    def __init__(self, keys_file: Path | None) -> None:
        self._keys_file = keys_file

    def current(self) -> str | None:
        """The name of the key that seals now, None without one; raises `SealError`."""
        ring = self._ring()
        return None if ring is None else ring.current

    def sealed(self, content: bytes) -> AtRest:
        ring = self._ring()
        if ring is None:
            return AtRest(content=content)
        target = BytesIO()
        seal(BytesIO(content), target, ring)
        return AtRest(content=target.getvalue(), key=ring.current)

    def opened(self, kept: AtRest) -> bytes:
        if kept.key is None:
            return kept.content
        ring = self._ring()
        if ring is None:
            raise SealError("it is sealed, and there is no keys file: set CARELINE_KEYS_FILE")
        return b"".join(unseal(BytesIO(kept.content), ring))

    def anew(self, kept: AtRest) -> AtRest:
        """The same by the key that seals now; what was sealed before stays so, only its own key is wrapped anew."""
        ring = self._ring()
        if ring is None or kept.key is None:
            return self.sealed(kept.content)
        target = BytesIO()
        sealed_anew(BytesIO(kept.content), target, ring)
        return AtRest(content=target.getvalue(), key=ring.current)

    def _ring(self) -> KeyRing | None:
        return None if self._keys_file is None else KeyRing.load(self._keys_file)
