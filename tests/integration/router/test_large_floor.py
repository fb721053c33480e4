"""A floor with thousands of callers comes back as it was: order, clocks and deadlines."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from careline.bench.large_floor import LargeFloor, keep, large_floor
from careline_common.clock import SystemClock
from careline_common.db.engine import Database
from careline_common.ids import UuidIds
from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.floor import Floor
from careline_router.runtime.codec import snapshot_parts
from careline_router.runtime.floor_actor import FLOOR
from careline_router.runtime.loading import load_floor

pytestmark = pytest.mark.integration

AGENTS, WAITING, TAIL = 300, 1500, 400


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(
        database_url, schema="router", source="test", clock=SystemClock(), ids=UuidIds()
    )
    yield opened
    await opened.close()


def whole(floor: Floor) -> Any:
    return json.loads(b"".join(snapshot_parts(floor.snapshot())))


def deadlines(floor: Floor) -> list[tuple[str, float]]:
    return sorted((offer.id, offer.deadline) for offer in floor.offers.values())


def served_in_order(floor: Floor, now: float) -> list[ev.Event]:
    """What comes next: half of the talks end, agents are done, offers run out."""
    happened: list[ev.Event] = []
    talks = [call for call in floor.calls.values() if call.state == "connected"]
    for number, call in enumerate(talks[::2]):
        happened += floor.handle(cmd.HangUp(call_id=call.id, by="caller"), now + number * 0.01)
        assert call.agent is not None
        done = cmd.CompleteWrapUp(agent_id=call.agent, call_id=call.id)
        happened += floor.handle(done, now + number * 0.01)
    while (due := floor.next_timer()) is not None and due < now + 30:
        happened += floor.handle(cmd.Tick(), due)
    return happened


def same_and_goes_on_alike(made: LargeFloor, loaded: Floor) -> None:
    assert whole(loaded) == whole(made.floor)
    assert deadlines(loaded) == deadlines(made.floor) != []
    assert loaded.next_timer() == made.floor.next_timer()
    expected = served_in_order(made.floor, made.now + 1)
    assert sum(isinstance(event, ev.OfferMade) for event in expected) > AGENTS / 4
    assert served_in_order(loaded, made.now + 1) == expected


async def test_from_a_snapshot(database: Database) -> None:
    made = large_floor(agents=AGENTS, waiting=WAITING)
    await keep(database, made, snapshot=True)
    loaded = await load_floor(database, FLOOR)
    assert loaded.numbers.journal == loaded.snapshot_seq == len(made.events)
    same_and_goes_on_alike(made, loaded.floor)


async def test_from_a_snapshot_and_the_journal_after_it(database: Database) -> None:
    made = large_floor(agents=AGENTS, waiting=WAITING)
    await keep(database, made, snapshot=True)
    before = len(made.events)
    made.go_on(TAIL)
    await keep(database, made, snapshot=False, first=before)
    loaded = await load_floor(database, FLOOR)
    assert loaded.snapshot_seq == before < loaded.numbers.journal == len(made.events)
    assert len(loaded.contacts) == sum(call.ended_at is None for call in made.floor.calls.values())
    same_and_goes_on_alike(made, loaded.floor)


async def test_from_the_journal_alone(database: Database) -> None:
    made = large_floor(agents=AGENTS, waiting=WAITING)
    await keep(database, made, snapshot=False)
    loaded = await load_floor(database, FLOOR)
    same_and_goes_on_alike(made, loaded.floor)
