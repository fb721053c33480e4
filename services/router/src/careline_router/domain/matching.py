"""Who gets whom: what holds under every policy, around what the policy chooses.

- Nobody is given what he lacks a skill for, has no room for, or has missed or rejected already.
- A call past the longest wait of its class goes before every call that has waited less.
- Then emergencies, then VIPs, then what the policy chooses among calls, then callbacks that wait for agents to
  spare, then work that a call may interrupt.
"""

from collections.abc import Callable

from careline_router.domain.decisions import SHOWN_AGENTS, Decision, Match
from careline_router.domain.floor_state import FloorState
from careline_router.domain.policies.interface import Able, Candidate
from careline_router.domain.states import Agent, Call
from careline_router.domain.waiting import FIRST_RANK, Entry, WaitingClass

OVERDUE = -1
"""The rank of a call past its longest wait: before every class."""


# -- a call looks for an agent ---------------------------------------------------------------------


def match_for_call(call: Call, state: FloorState) -> Match | None:  # noqa: PLR0911 - each rule in turn
    """The idle agent who should have this call; None when nobody can, or a rule keeps them free."""
    waiting = state.waiting.class_of(call.id)
    if waiting is None:
        return None
    if state.now >= state.refresh_at:
        state.refresh()
    if not waiting.requirement.idle:
        return _interrupting(call, waiting, state)
    able: list[Able] = []
    picky = bool(call.excluded) or call.units > 1 or waiting.interruptible
    room = state.has_nothing_else if waiting.interruptible else state.has_room
    for group, rank in waiting.requirement.able:
        first = group.idle_line.first
        if first is not None and picky:
            first = group.first_for(call, room)
        if first is not None:
            able.append((group, rank, first))
    if not able:
        return _interrupting(call, waiting, state)
    rule = _strict_rule(waiting, waiting.members[call.id][0], state.now)
    if rule is None and (waiting.deferred or waiting.min_idle):
        if not may_spare(waiting, state):
            return None
        rule = "callback" if waiting.deferred else None
    if rule in {"overdue", "class"}:
        best = min(able, key=lambda each: (each[1], each[2]))
        return Match(call.id, best[2][2], rule or "")
    choice = state.policy.pick_agent(call, waiting, able, state)
    if choice is None:
        return _interrupting(call, waiting, state)
    return Match(call.id, choice.agent_id, rule or "policy", choice.scores)


def _strict_rule(waiting: WaitingClass, queued_at: float, now: float) -> str | None:
    if not waiting.plain:
        return None
    if now - queued_at >= waiting.max_wait_s:
        return "overdue"
    return "class" if waiting.rank <= FIRST_RANK else None


def _interrupting(call: Call, waiting: WaitingClass, state: FloorState) -> Match | None:
    """The agent who has been longest at work that this call may interrupt."""
    if not state.groups.lent or not waiting.plain:
        return None
    queued_at = waiting.members[call.id][0]
    strict = _strict_rule(waiting, queued_at, state.now) is not None
    if not strict and not may_spare(waiting, state):
        return None
    lent = [
        (rank, entry)
        for group, rank in waiting.requirement.able
        if group.lent and (strict or not state.policy.holds(waiting, state.now - queued_at, group))
        for entry in group.lent.values()
        if entry[2] not in call.excluded and call.units <= state.agents[entry[2]].spec.capacity
    ]
    return Match(call.id, min(lent)[1][2], "interrupt") if lent else None


def may_spare(waiting: WaitingClass, state: FloorState) -> bool:
    """Whether enough able agents stay idle when one of them takes work that can wait."""
    if waiting.deferred:
        rules = state.spec.callbacks
        return rules is None or waiting.requirement.idle >= rules.idle_min
    return waiting.requirement.idle > waiting.min_idle or not waiting.min_idle


# -- an agent looks for a call ---------------------------------------------------------------------


def match_for_agent(agent: Agent, state: FloorState) -> Match | None:  # noqa: PLR0912 - the hot path: a call a class would double it
    """The waiting call that should have this agent; None when none is for him, or a rule keeps him."""
    group = state.groups.group_of(agent.id)
    if group is None:
        return None
    now = state.now
    if now >= state.refresh_at:
        state.refresh()
    unwanted = (
        _unwanted(agent, state)
        if agent.at_work or state.counts_units or state.excluded_from
        else None
    )
    candidates: list[Candidate] = []
    spare: list[Candidate] = []
    first: tuple[int, Entry] | None = None
    for waiting, rank in group.classes:
        fresh, late = waiting.fresh.first, waiting.late.first
        if fresh is not None:
            if fresh[0] <= now - waiting.target_s:
                fresh, late = waiting.age(now - waiting.target_s), waiting.late.first
        elif late is None:
            continue
        if unwanted is not None:
            fresh, late = waiting.heads_but(now - waiting.target_s, unwanted)
        oldest = late or fresh
        if oldest is None:
            continue
        if not waiting.plain:
            spare.append((waiting, rank, fresh, late))
        elif now - oldest[0] >= waiting.max_wait_s:
            if first is None or (OVERDUE, oldest) < first:
                first = (OVERDUE, oldest)
        elif waiting.usual or (waiting.rank > FIRST_RANK and may_spare(waiting, state)):
            candidates.append((waiting, rank, fresh, late))
        elif waiting.rank <= FIRST_RANK and (first is None or (waiting.rank, oldest) < first):
            first = (waiting.rank, oldest)
    if first is not None:
        return Match(first[1][1], agent.id, "overdue" if first[0] == OVERDUE else "class")
    if state.held and (kept := _kept_for(agent, state)) is not None:
        return Match(kept, agent.id, "preferred")
    if candidates:
        choice = state.policy.pick_call(agent, candidates, state)
        if choice is not None:
            return Match(choice.call_id, agent.id, "policy", (), choice.considered, choice.tokens)
    return _spare_work(agent, spare, state) if spare else None


def _kept_for(agent: Agent, state: FloorState) -> str | None:
    """Who has waited longest for this agent and no other."""
    kept = [
        (state.calls[name].queued_at or 0.0, name)
        for name, wanted in state.held.items()
        if wanted == agent.id
        and agent.id not in state.calls[name].excluded
        and state.has_room(agent.id, state.calls[name].units)
    ]
    return min(kept)[1] if kept else None


def _unwanted(agent: Agent, state: FloorState) -> Callable[[str], bool] | None:
    """What tells the calls that this agent is not offered; None when he may be offered any.

    One who talks is only asked about when he can be called away from all he has in hand.
    """
    excluded = state.excluded_from.get(agent.id)
    if not agent.at_work and not state.counts_units:
        return excluded.__contains__ if excluded else None
    known, calls = excluded or set(), state.calls
    room = agent.spec.capacity - (0 if agent.state == "talking" else state.in_hand(agent))
    return lambda name: name in known or calls[name].units > room


def _spare_work(agent: Agent, spare: list[Candidate], state: FloorState) -> Match | None:
    """Callbacks before work that may be interrupted, by class and then by wait."""
    may = [
        (waiting.interruptible, waiting.rank, late or fresh, waiting)
        for waiting, _, fresh, late in spare
        if may_spare(waiting, state)
        and (not waiting.interruptible or state.has_nothing_else(agent.id, 1))
    ]
    if not may:
        return None
    interruptible, _, first, _ = min(may, key=lambda each: each[:3])
    assert first is not None
    return Match(first[1], agent.id, "spare" if interruptible else "callback")


# -- why -------------------------------------------------------------------------------------------


def why_waiting(call: Call, agent: Agent, state: FloorState) -> str | None:  # noqa: PLR0911 - each rule in turn
    """The rule by which a waiting call is not given to an agent who is ready; None: there is none.

    `skill:… level:… site:…` what he lacks, `excluded room occupancy pbx preferred not_before`, `blending`,
    `callback` (it waits for agents to spare), `reserve` and `tier` (the policy's).
    """
    group = state.groups.group_of(agent.id)
    if group is None:
        return "logged_out"
    needs = state.groups.requirement(call.needs)
    lack = needs.lacks[group.index]
    if lack is not None:
        return lack
    if agent.id in call.excluded:
        return "excluded"
    if not state.has_room(agent.id, call.units):
        return "room"
    if agent.rested_at is not None:
        return "occupancy"
    if call.pbx in state.pbxs_down:
        return "pbx"
    if call.id in state.held:
        return "preferred" if state.held[call.id] is not None else "not_before"
    waiting = state.waiting.class_of(call.id)
    if waiting is None:
        return "not_waiting"
    queued_at = waiting.members[call.id][0]
    if _strict_rule(waiting, queued_at, state.now) is not None:
        return None
    if not may_spare(waiting, state):
        return "callback" if waiting.deferred else "blending"
    if waiting.interruptible and not state.has_nothing_else(agent.id, call.units):
        return "room"
    return state.policy.holds(waiting, state.now - queued_at, group)


def decision(offer_id: str, match: Match, call: Call, state: FloorState) -> Decision:
    """Why this agent: what the floor looked like when the match was made."""
    group = state.groups.group_of(match.agent_id)
    assert group is not None
    waiting = state.waiting.class_of(call.id)
    needs = state.groups.requirement(call.needs) if waiting is None else waiting.requirement
    return Decision(
        offer_id,
        match,
        state.now,
        state.policy.name,
        call.flow_version,
        call.crm,
        needs,
        state.groups.idle_counts[:],
        group,
        group.some_idle(SHOWN_AGENTS),
        state.groups,
    )
