"""A floor that is watched, and two floors' answers in a form that can be compared."""

from typing import Any

from floor_oracle import AT_AN_OFFER

from careline_router.domain import events as ev
from careline_router.domain.decisions import Decision
from careline_router.domain.floor import Floor
from careline_router.domain.snapshot import Snapshot
from careline_router.domain.states import Rejected


class WatchedFloor(Floor):
    """Checks every offer at the moment it is made, and its record when that is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[str, object] = {}
        self.restored = False

    def load(self, snapshot: Snapshot) -> None:
        super().load(snapshot)
        self.restored = True

    def refresh(self) -> None:
        super().refresh()
        self.restored = False

    def _emit(self, event: ev.Event) -> None:
        if isinstance(event, ev.OfferMade):
            for check in AT_AN_OFFER:
                check(self, event)
            self._seen[event.offer_id] = told(self._decisions[-1])
        super()._emit(event)

    def take_decisions(self) -> list[Decision]:
        """Fails when `decision` keeps `state.groups.idle_counts` itself in place of a copy."""
        taken = super().take_decisions()
        for decision in taken:
            assert told(decision) == self._seen.pop(decision.offer_id)
        return taken


def rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 9)


def told(decision: Decision) -> tuple[object, ...]:
    """A decision without the order of groups and agents, which is that of their coming."""
    groups = sorted(
        (g.signature, g.idle, g.removed_by or "", rounded(g.score))
        for g in decision.groups
        if g.idle
    )
    calls = sorted(tuple(call.items()) for call in decision.calls)
    return (
        decision.offer_id,
        decision.match.agent_id,
        decision.match.rule,
        sorted(decision.agents),
        groups,
        calls,
    )


def asked(floor: Floor, command: Any, now: float) -> tuple[list[ev.Event], str | None]:
    """What a command does, or the reason for which it is refused."""
    try:
        return floor.handle(command, now), None
    except Rejected as refused:
        return [], refused.reason
