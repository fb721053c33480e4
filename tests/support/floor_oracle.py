"""What must hold of a floor at any time, counted out from its calls and agents alone.

Nothing here asks the engine's indexes who can serve whom. Each check names the one-line change of the
engine that makes it fail; all have been tried.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from careline_router.domain import events as ev
from careline_router.domain.floor import Floor
from careline_router.domain.groups import group_name
from careline_router.domain.matching import why_waiting
from careline_router.domain.specs import CallbackRules
from careline_router.domain.states import Agent, Call
from careline_router.domain.words import RANK

RESERVE_S = 20.0
"""For so long a call may have been kept from who was the last; it is looked at again only then."""
TIERS_S = {"fs_tier_rules": (0.0, 30.0, 60.0), "priority_oldest_relax": (0.0, 15.0)}
"""Policies that keep lesser agents from a call for a while, and for how long by rank."""

# -- who can serve whom ----------------------------------------------------------------------------


def skills_of(agent: Agent) -> dict[str, int]:
    site = {} if agent.site is None else {f"@{agent.site}": 10}
    return {**agent.spec.skills, **site}


def can_serve(agent: Agent, call: Call) -> bool:
    has = skills_of(agent)
    return all(has.get(skill, 0) >= level for skill, level in call.needs.items())


def in_hand(floor: Floor, agent: Agent) -> int:
    """The units of what he is at just now."""
    return sum(floor.calls[name].units for name in agent.at_work if not floor.calls[name].suspended)


def is_idle(floor: Floor, agent: Agent) -> bool:
    return (
        agent.state == "ready"
        and agent.rested_at is None
        and in_hand(floor, agent) < agent.spec.capacity
    )


def may_have(floor: Floor, agent: Agent, call: Call) -> bool:
    """Whether he has what the call needs, and room for it, and has not missed it."""
    return (
        can_serve(agent, call)
        and agent.id not in call.excluded
        and in_hand(floor, agent) + call.units <= agent.spec.capacity
    )


def is_deferred(call: Call) -> bool:
    return call.callback is not None and call.callback.mode == "defer" and not call.callback.due


def is_held(floor: Floor, call: Call) -> bool:
    held = call.preferred_until is not None or call.not_before is not None
    return held or call.pbx in floor.pbxs_down


def is_away(floor: Floor, agent: Agent) -> bool:
    """Whether his phone stands at his site, and no PBX there answers."""
    there = {name for name, spec in floor.spec.pbxs.items() if spec.site == agent.site}
    own = agent.endpoint == agent.spec.endpoint
    moved = agent.site != agent.spec.site and "@" not in (agent.endpoint or "")
    return (
        agent.site is not None
        and (own or moved)
        and bool(there)
        and not there - set(floor.pbxs_down)
    )


def is_overdue(floor: Floor, call: Call) -> bool:
    """Whether the law of the longest wait holds for it."""
    assert call.queue is not None
    assert call.priority is not None
    assert call.queued_at is not None
    if is_held(floor, call) or is_deferred(call) or call.interruptible:
        return False
    if call.put_back:
        return True
    return floor.now - call.queued_at >= floor.queues[call.queue].max_wait_of(call.priority)


def queued(floor: Floor) -> Iterator[Call]:
    return (call for call in floor.calls.values() if call.state == "queued")


def able_and_idle(floor: Floor, call: Call) -> int:
    return sum(is_idle(floor, agent) and can_serve(agent, call) for agent in floor.agents.values())


# -- when an offer is made -------------------------------------------------------------------------


def offered_by_law(floor: Floor, made: ev.OfferMade) -> None:
    """Nobody is offered what he may not have. A call past the longest wait of its class goes before
    every call that has waited less; then emergencies, then VIPs.

    Fails when `match_for_agent` compares with `9 * waiting.max_wait_s`, when `FIRST_RANK` is the
    rank of emergencies, when `_unwanted` returns None, and when `has_room` is always True.
    """
    agent, chosen = floor.agents[made.agent_id], floor.calls[made.call_id]
    assert agent.state in {"ready", "talking"}
    assert may_have(floor, agent, chosen), "he may not have this call"
    for other in queued(floor):
        if other is chosen or not may_have(floor, agent, other):
            continue
        if is_overdue(floor, other):
            assert _place(chosen) <= _place(other), "an overdue call was passed over"
        elif _goes_first(floor, other) and not is_overdue(floor, chosen):
            assert _class(chosen) <= _class(other), "a class that goes first was passed over"


def _place(call: Call) -> float:
    assert call.queued_at is not None
    return call.queued_at


def _class(call: Call) -> int:
    return RANK[call.priority or "deferrable"]


def _goes_first(floor: Floor, call: Call) -> bool:
    first = _class(call) <= RANK["vip"]
    return first and not (is_held(floor, call) or is_deferred(call) or call.interruptible)


def callback_waits_its_turn(floor: Floor, made: ev.OfferMade) -> None:
    """A deferred callback is made when agents are to spare, and while no caller waits for its agent.

    Fails when `may_spare` compares with `rules.idle_min - 1`.
    """
    agent, chosen = floor.agents[made.agent_id], floor.calls[made.call_id]
    if not is_deferred(chosen):
        return
    least = (floor.spec.callbacks or CallbackRules(idle_min=0)).idle_min
    assert able_and_idle(floor, chosen) >= least
    for other in queued(floor):
        if other.kind == "call" and may_have(floor, agent, other):
            assert rule_against(floor, agent, other) is not None, "a live caller was passed over"


def decision_shows_the_floor(floor: Floor, made: ev.OfferMade) -> None:
    """The record of a decision is of the moment before it, and shows every group.

    Fails when `_removed_by` has no word for groups with nobody idle.
    """
    last = floor._decisions[-1]
    assert (last.offer_id, last.match.call_id, last.match.agent_id) == (
        made.offer_id, made.call_id, made.agent_id,
    )  # fmt: skip
    counted: Counter[str] = Counter()
    for agent in floor.agents.values():
        if is_idle(floor, agent):
            group = floor.groups.group_of(agent.id)
            assert group is not None
            counted[group_name(group)] += 1
    assert {each.signature: each.idle for each in last.groups if each.idle} == dict(counted)
    for each in last.groups:
        assert (
            each.idle or each.removed_by or each.score is not None or last.match.rule == "interrupt"
        )


def offered_at_an_open_site(floor: Floor, event: ev.OfferMade) -> None:
    """Fails when `_serve_preferred` and `is_lent` do not look at the site."""
    assert floor.agents[event.agent_id].site not in floor.sites


def offered_where_a_phone_can_be_rung(floor: Floor, event: ev.OfferMade) -> None:
    """Fails when `_set_call` does not look at the call's PBX."""
    assert floor.calls[event.call_id].pbx not in floor.pbxs_down
    assert not is_away(floor, floor.agents[event.agent_id])


AT_AN_OFFER: tuple[Callable[[Floor, ev.OfferMade], None], ...] = (
    offered_by_law, offered_at_an_open_site, offered_where_a_phone_can_be_rung, callback_waits_its_turn,
    decision_shows_the_floor,
)  # fmt: skip

# -- at any time -----------------------------------------------------------------------------------


def one_offer_an_agent_and_one_a_call(floor: Floor) -> None:
    """Fails when `_offer_made` leaves the call `queued`, or the agent `ready`."""
    offers = list(floor.offers.values())
    assert len({offer.agent for offer in offers}) == len(offers)
    assert len({offer.call for offer in offers}) == len(offers)
    for offer in offers:
        assert floor.calls[offer.call].state == "offered"
        assert floor.agents[offer.agent].state == "reserved"
        assert floor.agents[offer.agent].offer == floor.calls[offer.call].offer == offer.id
    offered = [call for call in floor.calls.values() if call.state == "offered"]
    reserved = [agent for agent in floor.agents.values() if agent.state == "reserved"]
    assert len(offered) == len(reserved) == len(offers)


def work_fits_who_does_it(floor: Floor) -> None:
    """Every call that is connected is one agent's, and who is said to work does.

    Fails when `_let_go` keeps the call `at_work`. That nobody is offered more than he has room for is
    seen to at the offer (his capacity may be lowered while he works).
    """
    hands = Counter(name for agent in floor.agents.values() for name in agent.at_work)
    talks = {call.id for call in floor.calls.values() if call.state == "connected"}
    assert set(hands) == talks
    assert all(count == 1 for count in hands.values())
    for agent in floor.agents.values():
        assert all(floor.calls[name].agent == agent.id for name in agent.at_work)
        if agent.state == "talking":
            assert in_hand(floor, agent) > 0, "he talks to nobody"
        if agent.state in {"wrap_up", "logged_out"}:
            assert in_hand(floor, agent) == 0, f"he has work in hand and is {agent.state}"
    suspended = [call for call in floor.calls.values() if call.suspended]
    assert all(call.state in {"connected", "ended"} for call in suspended)


def nobody_waits_while_somebody_idles_for_him(floor: Floor) -> None:
    """Unless a rule that has a name says so, and it is the rule that the test finds by itself.

    Fails when `_fail` does not serve the call, `_release` not the agent, or `_configure_floor` or
    `_configure_agents` nobody.
    """
    for call in queued(floor):
        for agent in floor.agents.values():
            if is_idle(floor, agent) and may_have(floor, agent, call):
                mine, its = rule_against(floor, agent, call), why_waiting(call, agent, floor)
                assert mine is not None, f"{call.id} waits while {agent.id} idles"
                if mine == "reserve" and getattr(floor, "restored", False):
                    continue  # a restored floor weighs what is scarce anew at its next match
                assert its == mine, f"{call.id} waits for {agent.id}: {its} in place of {mine}"


def rule_against(floor: Floor, agent: Agent, call: Call) -> str | None:
    """The rule by which a call that he may have waits all the same."""
    if is_held(floor, call):
        other = "not_before" if call.preferred_until is None else "preferred"
        return "pbx" if call.pbx in floor.pbxs_down else other
    if is_overdue(floor, call) or _goes_first(floor, call):
        return None
    rules = floor.spec.callbacks
    if is_deferred(call):
        short = rules is not None and able_and_idle(floor, call) < rules.idle_min
        return "callback" if short else _policy_rule(floor, agent, call)
    least = floor.queues[call.queue or ""].min_idle
    if call.priority == "deferrable" and least and able_and_idle(floor, call) <= least:
        return "blending"
    if call.interruptible and (agent.at_work or agent.spec.kind == "bot"):
        return "room"  # appeals are for humans who have nothing else in hand
    return _policy_rule(floor, agent, call)


def _meets(agent: Agent, needs: dict[str, int]) -> bool:
    has = skills_of(agent)
    return all(has.get(skill, 0) >= level for skill, level in needs.items())


def _policy_rule(floor: Floor, agent: Agent, call: Call) -> str | None:
    waited = floor.now - _place(call)
    limits = TIERS_S.get(floor.spec.policy)
    if limits is not None:
        has = skills_of(agent)
        rank = 1 + max((10 - has[skill] for skill in call.needs), default=0)
        return "tier" if waited < limits[min(rank, len(limits)) - 1] else None
    return "reserve" if floor.spec.policy == "careline" and waited < RESERVE_S else None


def nobody_waits_for_who_does_what_can_wait(floor: Floor) -> None:
    """A call that waits interrupts a ticket of an agent who can serve it.

    Fails when `_interrupting` finds nobody.
    """
    for agent in floor.agents.values():
        work = [floor.calls[name] for name in agent.at_work]
        if agent.state != "talking" or not all(each.interruptible for each in work):
            continue
        if agent.site in floor.sites or is_away(floor, agent):
            continue
        for call in queued(floor):
            if call.interruptible or is_deferred(call) or call.units > agent.spec.capacity:
                continue
            if can_serve(agent, call) and agent.id not in call.excluded:
                assert rule_against(floor, agent, call) is not None, f"{call.id} waits for a ticket"


def counts_are_what_they_count(floor: Floor) -> None:
    """Fails when `unidle` does not lower `idle_counts`, `leave` not `members`, `_set_agent` not `busy`,
    `called` not `outstanding`, when `load` does not file callbacks by person, and when `Line.add` keeps
    the first whoever comes."""
    agents = floor.agents.values()
    assert floor.busy == sum(agent.state in {"talking", "wrap_up"} for agent in agents)
    at_work = [agent for agent in agents if agent.state != "logged_out"]
    for requirement in floor.groups.requirements.values():
        meet = [agent for agent in at_work if _meets(agent, dict(requirement.needs))]
        assert requirement.members == len(meet)
        assert requirement.idle == sum(is_idle(floor, agent) for agent in meet)
    for group, count in zip(floor.groups.groups, floor.groups.idle_counts, strict=True):
        assert (
            count == len(group.idle) == sum(is_idle(floor, floor.agents[n]) for n in group.members)
        )
        assert group.idle_line.first == min(group.idle.values(), default=None)
    for waiting in floor.waiting.classes.values():
        heads = [first for first in (waiting.fresh.first, waiting.late.first) if first is not None]
        assert min(heads, default=None) == min(waiting.members.values(), default=None)
    callbacks = [call for call in floor.calls.values() if call.callback and call.state != "ended"]
    assert floor.promises.outstanding == sum(
        call.callback is not None
        and call.callback.promise_due is not None
        and call.callback.attempts == 0
        for call in callbacks
    )
    assert floor.callback_of == {call.person: call.id for call in callbacks if call.person}
    waiting = [call for call in floor.calls.values() if call.state in {"queued", "offered"}]
    assert floor.waiting_count == len(waiting)
    in_queue = Counter(call.queue for call in queued(floor) if not is_held(floor, call))
    assert {name: n for name, n in floor.waiting.in_queue.items() if n} == dict(in_queue)


def every_deadline_has_its_timer(floor: Floor) -> None:
    """Fails when `_offer_accepted` leaves the offer out of those that are timed."""
    deadlines = [offer.deadline for offer in floor.offers.values()]
    for agent in floor.agents.values():
        if agent.state == "wrap_up" and agent.wrap_up_until is not None:
            deadlines.append(agent.wrap_up_until)
        if agent.rested_at is not None:
            deadlines.append(agent.rested_at)
        if agent.gone_at is not None:
            deadlines.append(agent.gone_at)
    for call in queued(floor):
        until = call.preferred_until if call.preferred_until is not None else call.not_before
        if until is not None:
            deadlines.append(until)
    first = floor.next_timer()
    assert not deadlines or (first is not None and first <= min(deadlines))


def a_site_that_is_not_open_is_given_nothing(floor: Floor) -> None:
    """Nobody is ready there, nobody at one that is down is offered anything, and no call asks for it."""
    for agent in floor.agents.values():
        if agent.site in floor.sites:
            assert agent.state != "ready"
            if floor.sites[agent.site] == "down":
                assert agent.offer is None
                assert agent.state in {"talking", "not_ready", "wrap_up", "logged_out"}
    for call in floor.calls.values():
        if call.state in {"queued", "offered"}:
            assert not {f"@{site}" for site in floor.sites} & set(call.needs)


def a_pbx_that_is_down_is_given_nothing(floor: Floor) -> None:
    """None of its calls is offered, nobody whose phone stands there is ready, and nobody rests for it when it is up.

    Fails when `_heed_phones` withdraws no offers, and when `rest_of` does not look at the agent's phone.
    """
    for offer in floor.offers.values():
        assert floor.calls[offer.call].pbx not in floor.pbxs_down
    for agent in floor.agents.values():
        if is_away(floor, agent):
            assert agent.state != "ready"
        elif not floor.pbxs_down:
            assert agent.reason != "pbx_down"


ALWAYS: tuple[Callable[[Floor], None], ...] = (
    one_offer_an_agent_and_one_a_call,
    work_fits_who_does_it,
    nobody_waits_while_somebody_idles_for_him,
    nobody_waits_for_who_does_what_can_wait,
    counts_are_what_they_count,
    every_deadline_has_its_timer,
    a_site_that_is_not_open_is_given_nothing,
    a_pbx_that_is_down_is_given_nothing,
)
