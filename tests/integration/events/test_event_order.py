"""Order is not promised: whatever becomes of the messages, the end is that of the tidy delivery.

For every consumer of every service. The oracle is the same history delivered in order, once each.
"""

import pytest
from event_order.centre import Centre
from event_order.histories import Names
from event_order.readers import READERS, state
from event_order.schedule import History, histories
from hypothesis import given, note, settings
from proofs import budget

from careline import roster
from careline_common.events import CATALOGUE

pytestmark = [pytest.mark.integration, pytest.mark.timeout(7 * 3600)]

EXAMPLES = budget(16)


async def played(centre: Centre, history: History, *, disturbed: bool) -> object:
    names = centre.names()
    facts = history.facts(names)
    if disturbed:
        steps, batch = history.disturbed(len(facts)), history.batch
        note("\n".join(f"{number}: {fact}" for number, fact in enumerate(facts)))
        note(f"arriving: {[step.fact for step in steps if step.delivered]}")
    else:
        steps, batch = history.in_order(len(facts)), 1
    await centre.play(facts, steps, names, batch=batch)
    return await state(centre, facts, names)


@given(history=histories())
@settings(max_examples=EXAMPLES)
async def test_any_delivery_ends_like_the_tidy_one(running: Centre, history: History) -> None:
    tidy = await played(running, history, disturbed=False)
    assert await played(running, history, disturbed=True) == tidy


async def test_every_consumer_and_every_event_is_covered(running: Centre) -> None:
    """Each event of a history is handed to whoever wants it: so a new consumer needs a reader, and
    a new event a story that tells it."""
    consumers = {name for service in roster.NAMES for name in roster.consumers(service)}
    assert set(running.transport.hearing) == consumers
    assert set(READERS) == consumers, "event_order.readers must show what each consumer did"
    told: set[str] = set()

    @given(history=histories())
    @settings(max_examples=20)
    def tell(history: History) -> None:
        told.update(fact.event.TYPE for fact in history.facts(Names("0")))

    tell()
    assert told == set(CATALOGUE)
