"""Which clocks of an appeal run, stand still and stop as it moves."""

from dataclasses import replace
from datetime import datetime

from careline_tickets.domain.clocks import (
    FROM_REGISTRATION,
    Clock,
    ClockKind,
    Policy,
    ReopenClocks,
    later,
    projected,
    start,
)
from careline_tickets.domain.ticket import HIGHEST_LEVEL, Ticket
from careline_tickets.domain.vocabulary import Status

_WITH_US = frozenset({Status.NEW, Status.IN_WORK, Status.WITH_EXPERT, Status.WAITING})
_OPEN = frozenset(Status) - {Status.CLOSED, Status.MERGED}
_ANY_LEVEL = range(1, HIGHEST_LEVEL + 1)
_COUNTS = {
    ClockKind.ACKNOWLEDGE: (frozenset({Status.NEW}), _ANY_LEVEL),
    ClockKind.LEVEL1: (_WITH_US, _ANY_LEVEL[:1]),
    ClockKind.LEVEL2: (_WITH_US, _ANY_LEVEL[1:]),
    ClockKind.INSURER: (_WITH_US | {Status.WITH_INSURER}, _ANY_LEVEL),
    ClockKind.REVIEW: (frozenset({Status.IN_REVIEW}), _ANY_LEVEL),
    ClockKind.STATUTORY: (_OPEN, _ANY_LEVEL),
}
"""In which statuses and at which levels each clock's time counts."""
_ANSWERS = frozenset({ClockKind.LEVEL1, ClockKind.LEVEL2})
"""Of our own people: theirs is the clock that an answer sent back to them starts."""
PAUSED_WHILE_WAITING = frozenset({ClockKind.LEVEL1, ClockKind.LEVEL2})


def counts(kind: ClockKind, status: Status, level: int) -> bool:
    """Whether this clock's time counts while an appeal is in this status and at this level."""
    statuses, levels = _COUNTS[kind]
    return status in statuses and level in levels


def after_move(before: Ticket, after: Ticket, now: datetime) -> tuple[Clock, ...]:
    """The clocks of an appeal that has come from `before` to `after`."""
    clocks = after.clocks
    if after.policy is None:
        return clocks
    reopened = after.reopens > before.reopens
    rule = after.policy.terms.reopen_clocks if reopened else ReopenClocks.CONTINUE
    rework = after.returns > before.returns
    for kind in ClockKind:
        counted = counts(kind, before.status, before.level)
        counting = counts(kind, after.status, after.level)
        to_insurer = after.status is Status.WITH_INSURER and before.status is not after.status
        if counted and not counting:
            clocks = _stopped(clocks, kind, now)
        elif kind is ClockKind.STATUTORY and counting and not counted:
            restart = rule is ReopenClocks.RESTART
            clocks = _started(clocks, after.policy, kind, now) if restart else _on(clocks, kind)
        elif rule is ReopenClocks.STATUTORY:
            continue
        elif kind is ClockKind.INSURER:
            if to_insurer:
                clocks = _started(clocks, after.policy, kind, now, rework=rework)
        elif counting and not counted:
            clocks = _started(clocks, after.policy, kind, now, rework=rework and kind in _ANSWERS)
    return tuple(_paused_or_not(clock, after.status, after.policy, now) for clock in clocks)


def extended(ticket: Ticket, days: int, now: datetime) -> tuple[Clock, ...] | None:
    """The clocks with the promise to the citizen moved by `days` calendar days.

    That is the statutory clock; where there is none, the one that is due last. None without any.
    """
    open_clocks = [clock for clock in ticket.clocks if not clock.stopped]
    if ticket.policy is None or not open_clocks:
        return None
    chosen = max(open_clocks, key=lambda clock: (clock.kind is ClockKind.STATUTORY, clock.due_at))
    due = later(ticket.policy.calendar_of(chosen.kind), chosen.due_at, days)
    moved = replace(chosen, due_at=due, extended_days=chosen.extended_days + days)
    return _renewed(ticket.clocks, chosen, moved, now)


def strictest(
    clocks: tuple[Clock, ...], others: tuple[Clock, ...], now: datetime
) -> tuple[Clock, ...]:
    """These clocks, each due no later than the other appeal's of its kind; a day that was promised
    to the citizen there is promised here."""
    for other in others:
        if other.stopped:
            continue
        own = next((one for one in clocks if one.kind is other.kind and not one.stopped), None)
        if own is None:
            if other.kind is ClockKind.STATUTORY:
                clocks = (*clocks, replace(other, generation=_next_generation(clocks, other.kind)))
        elif other.due_at < own.due_at:
            started = min(own.started_at, other.started_at)
            stricter = replace(own, due_at=other.due_at, started_at=started)
            clocks = _renewed(clocks, own, stricter, now)
    return clocks


def under(ticket: Ticket, policy: Policy | None, now: datetime) -> Ticket:
    """The appeal with what another policy promises, reckoned from when each clock had started."""
    clocks = ticket.clocks
    for clock in ticket.clocks:
        if clock.stopped:
            continue
        due = None if policy is None else projected(policy, clock)
        if due is None:
            clocks = _stopped(clocks, clock.kind, now)
        else:
            clocks = _renewed(clocks, clock, replace(clock, due_at=due), now)
    moved = replace(ticket, policy=policy, clocks=clocks)
    running = {clock.kind for clock in ticket.clocks if not clock.stopped}
    for kind in ClockKind:
        if policy is None or kind in running or not counts(kind, ticket.status, ticket.level):
            continue
        began = ticket.registered_at if kind in FROM_REGISTRATION else now
        moved = replace(moved, clocks=_started(moved.clocks, policy, kind, began))
    return moved


def _renewed(clocks: tuple[Clock, ...], old: Clock, new: Clock, now: datetime) -> tuple[Clock, ...]:
    """A changed promise is a new generation: its steps are due anew, and the old one stays seen."""
    fresh = replace(new, generation=_next_generation(clocks, old.kind))
    return (*(clock.stop(now) if clock is old else clock for clock in clocks), fresh)


def _next_generation(clocks: tuple[Clock, ...], kind: ClockKind) -> int:
    return 1 + max((clock.generation for clock in clocks if clock.kind is kind), default=0)


def _stopped(clocks: tuple[Clock, ...], kind: ClockKind, now: datetime) -> tuple[Clock, ...]:
    return tuple(clock.stop(now) if clock.kind is kind else clock for clock in clocks)


def _started(
    clocks: tuple[Clock, ...],
    policy: Policy,
    kind: ClockKind,
    now: datetime,
    *,
    rework: bool = False,
) -> tuple[Clock, ...]:
    fresh = start(policy, kind, now, generation=_next_generation(clocks, kind), rework=rework)
    stopped = _stopped(clocks, kind, now)
    return stopped if fresh is None else (*stopped, fresh)


def _on(clocks: tuple[Clock, ...], kind: ClockKind) -> tuple[Clock, ...]:
    """A reopened appeal keeps the day that was promised last."""
    last = _next_generation(clocks, kind) - 1
    return tuple(
        replace(clock, stopped_at=None)
        if clock.kind is kind and clock.generation == last
        else clock
        for clock in clocks
    )


def _paused_or_not(clock: Clock, status: Status, policy: Policy, now: datetime) -> Clock:
    if clock.kind not in PAUSED_WHILE_WAITING or clock.stopped:
        return clock
    return clock.pause(now) if status is Status.WAITING else clock.resume(policy, now)
