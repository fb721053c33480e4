"""Signs of life of the PBXs, as this process has seen them since it leads the floor."""

from collections.abc import Mapping

from careline_common.clock import Clock
from careline_router.domain.pbx_health import Patience, PbxHealth

STOOD_STILL_S = 5.0
"""A process that has not looked for so long stood still, and could not hear anybody."""


class PbxSigns:
    """What is known of the PBXs that are watched; of others nothing is kept."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._patience: Mapping[str, Patience] = {}
        self._known: dict[str, PbxHealth] = {}
        self._connected: set[str] = set()
        self._looked_at = clock.monotonic()

    def begin(self) -> None:
        """Nobody is blamed for a time in which another process led."""
        self._known.clear()
        self._connected.clear()

    def watch(self, patience: Mapping[str, Patience]) -> Mapping[str, PbxHealth]:
        """From now on these are watched; a new one has the time that all have to be heard. Gives what is known of them."""
        self._patience = patience
        now = self._clock.monotonic()
        if now - self._looked_at > STOOD_STILL_S:
            self._known.clear()
        self._looked_at = now
        self._known = {name: self._known.get(name) or PbxHealth(now) for name in patience}
        for name in self._connected:
            self.heard(name)
        return self._known

    def heard(self, pbx: str) -> None:
        """It has asked or told something."""
        known = self._known.get(pbx)
        if known is not None:
            known.hear(self._clock.monotonic(), self._patience[pbx])

    def connected(self, pbx: str) -> None:
        """There is a socket to it: while that is open it is heard all the time, for it answers pings."""
        self._connected.add(pbx)
        self.heard(pbx)

    def cut_off(self, pbx: str) -> None:
        """The socket is gone."""
        self._connected.discard(pbx)
        known = self._known.get(pbx)
        if known is not None:
            known.lose()
