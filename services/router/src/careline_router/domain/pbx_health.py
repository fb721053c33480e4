"""Whether a PBX answers, with hysteresis: one that is lost now and then is not counted down and up again each time."""

from dataclasses import dataclass

from careline_router.domain.words import PbxState


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """In seconds: a PBX that is not heard for `down_after_s` is down, and up again once it has been heard for `up_after_s`
    without such a gap. After `lost_after_s` without a sound its calls are lost; None: they never are."""

    down_after_s: float
    up_after_s: float
    lost_after_s: float | None


@dataclass(slots=True)
class PbxHealth:
    """What was heard of one PBX; all times by one clock that never goes back."""

    heard_at: float
    steady_since: float | None = None
    """Since when it has been heard without a gap; None: not since it was lost."""

    def hear(self, now: float, patience: Patience) -> None:
        """It has given a sign of life."""
        if self.steady_since is None or now - self.heard_at >= patience.down_after_s:
            self.steady_since = now
        self.heard_at = now

    def lose(self) -> None:
        """What it was heard by is lost, a socket: when it is heard again that is a new beginning."""
        self.steady_since = None

    def state(self, now: float, patience: Patience, *, before: PbxState) -> PbxState:
        """As it is to be taken now, having been taken as `before`."""
        silent = now - self.heard_at >= patience.down_after_s
        if before == "up":
            return "down" if silent else "up"
        steady_s = 0.0 if self.steady_since is None else self.heard_at - self.steady_since
        recovered = self.steady_since is not None and steady_s >= patience.up_after_s
        return "up" if recovered and not silent else "down"

    def lost(self, now: float, patience: Patience) -> bool:
        """Whether nobody waits any more for its calls to be heard of again."""
        return patience.lost_after_s is not None and now - self.heard_at >= patience.lost_after_s
