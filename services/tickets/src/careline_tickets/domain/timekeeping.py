"""Which clocks of an appeal run, stand still and stop as it moves."""

from dataclasses import replace
from datetime import datetime
from typing import Protocol

from careline_tickets.domain.clocks import Clock, ClockKind, Policy, later, start
from careline_tickets.domain.vocabulary import Status

_WITH_US = frozenset({Status.NEW, Status.IN_WORK, Status.WITH_EXPERT, Status.WAITING})
_PAUSED_WHILE_WAITING = frozenset({ClockKind.LEVEL1, ClockKind.LEVEL2})


class Timed(Protocol):
    """What timekeeping needs to know of an appeal."""

    @property
    def status(self) -> Status: ...
    @property
    def level(self) -> int: ...
    @property
    def policy(self) -> Policy | None: ...
    @property
    def clocks(self) -> tuple[Clock, ...]: ...


def _counts(kind: ClockKind, status: Status, level: int) -> bool:
    """Whether this clock's time counts while an appeal is in this status and at this level."""
    match kind:
        case ClockKind.ACKNOWLEDGE:
            return status is Status.NEW
        case ClockKind.LEVEL1:
            return level == 1 and status in _WITH_US
        case ClockKind.LEVEL2:
            return level > 1 and status in _WITH_US
        case ClockKind.INSURER:
            return status in _WITH_US | {Status.WITH_INSURER}
        case ClockKind.REVIEW:
            return status is Status.IN_REVIEW
        case ClockKind.STATUTORY:
            return status not in {Status.CLOSED, Status.MERGED}


def after_move(before: Timed, after: Timed, now: datetime) -> tuple[Clock, ...]:
    """The clocks of an appeal that has come from `before` to `after`."""
    clocks = after.clocks
    if after.policy is None:
        return clocks
    for kind in ClockKind:
        counted = _counts(kind, before.status, before.level)
        counts = _counts(kind, after.status, after.level)
        to_insurer = after.status is Status.WITH_INSURER and before.status is not after.status
        if counted and not counts:
            clocks = _stopped(clocks, kind, now)
        elif kind is ClockKind.INSURER:
            clocks = _started(clocks, after.policy, kind, now) if to_insurer else clocks
        elif kind is ClockKind.STATUTORY and counts and not counted:
            clocks = _going_on(clocks, kind)
        elif counts and not counted:
            clocks = _started(clocks, after.policy, kind, now)
    return tuple(_paused_or_not(clock, after.status, after.policy, now) for clock in clocks)


def extended(ticket: Timed, days: int) -> tuple[Clock, ...] | None:
    """The clocks with the promise to the citizen moved by `days` calendar days.

    That is the statutory clock; where there is none, the one that is due last. None without any.
    """
    open_clocks = [clock for clock in ticket.clocks if not clock.stopped]
    if ticket.policy is None or not open_clocks:
        return None
    chosen = max(open_clocks, key=lambda clock: (clock.kind is ClockKind.STATUTORY, clock.due_at))
    moved = replace(chosen, due_at=later(ticket.policy.calendar, chosen.due_at, days))
    return tuple(moved if clock is chosen else clock for clock in ticket.clocks)


def _stopped(clocks: tuple[Clock, ...], kind: ClockKind, now: datetime) -> tuple[Clock, ...]:
    return tuple(clock.stop(now) if clock.kind is kind else clock for clock in clocks)


def _started(
    clocks: tuple[Clock, ...], policy: Policy, kind: ClockKind, now: datetime
) -> tuple[Clock, ...]:
    generation = 1 + sum(clock.kind is kind for clock in clocks)
    fresh = start(policy, kind, now, generation=generation)
    return _stopped(clocks, kind, now) if fresh is None else (*_stopped(clocks, kind, now), fresh)


def _going_on(clocks: tuple[Clock, ...], kind: ClockKind) -> tuple[Clock, ...]:
    """A reopened appeal keeps the day that was promised at first."""
    return tuple(
        replace(clock, stopped_at=None) if clock.kind is kind else clock for clock in clocks
    )


def _paused_or_not(clock: Clock, status: Status, policy: Policy, now: datetime) -> Clock:
    if clock.kind not in _PAUSED_WHILE_WAITING or clock.stopped:
        return clock
    return clock.pause(now) if status is Status.WAITING else clock.resume(policy, now)
