"""Appeals of the journal on a running floor: told by events, offered beside calls, exactly once whatever happens."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from careline_common.events.envelope import Envelope
from careline_common.events.event import Event
from careline_common.events.tickets import TicketClosed, TicketCreated, TicketMoved
from careline_common.http.problem import Conflict, NotFound
from careline_router.consumers import APPEALS, subscriptions
from careline_router.queries import EVERYTHING
from careline_router.views import WrapUp

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OFFERING: dict[str, Any] = {
    "skills": ["letters", "care"],
    "queues": [
        {"id": "desk", "appeals": {"ungrouped": True, "skills": {"letters": 1}}},
        {"id": "care", "appeals": {"groups": ["l2-care"], "skills": {"care": 1}}},
    ],
    "agents": [
        {"id": "a1", "skills": {"letters": 10}, "endpoint": "PJSIP/a1"},
        {"id": "a2", "skills": {"letters": 5, "care": 5}, "endpoint": "PJSIP/a2"},
    ],
}


@pytest.fixture
async def offering(lead: Any) -> AsyncIterator[Any]:
    async with lead(config=OFFERING) as running:
        yield running


def created(ticket: str = "t1", **fields: Any) -> TicketCreated:
    about = {"ticket_id": ticket, "number": ticket, "channel": "portal", "kind": "complaint"}
    return TicketCreated.model_validate({**about, "registered_at": NOW, **fields})


def moved(ticket: str = "t1", **fields: Any) -> TicketMoved:
    about = {"ticket_id": ticket, "number": ticket, "status": "in_work", "level": 1, "at": NOW}
    return TicketMoved.model_validate({"action": "take", **about, **fields})


async def hears(router: Any, *events: Event, sequence: int) -> None:
    """The journal's events as the consumer gets them, one after the other."""
    (handle,) = [one.handle for one in subscriptions() if one.name == APPEALS]
    for number, event in enumerate(events, start=sequence):
        subject = event.ticket_id  # type: ignore[attr-defined]
        async with router.parts.database.unit_of_work() as uow:
            envelope = Envelope(
                id=uow.ids.new(), source="/careline/tickets", subject=subject, time=NOW, sequence=number,
                correlationid=subject, causationid=None, data=event,
            )  # fmt: skip
            await handle(uow, envelope, None)
    await router.service.bring_work()


async def ready(router: Any, *agents: str) -> None:
    for agent in agents:
        await router.service.log_in(agent)
        await router.service.set_state(agent, "ready")


async def offer_of(router: Any, agent: str) -> Any:
    return (await router.service.queries.agent(agent)).offer


async def accepted(router: Any) -> list[dict[str, Any]]:
    statement = "SELECT convert_from(body, 'utf8')::json->'data' AS data FROM outbox WHERE type = :type ORDER BY id"
    async with router.parts.database.read() as connection:
        rows = await connection.execute(text(statement), {"type": "careline.work.accepted.v1"})
        return [row.data for row in rows]


def on_floor(router: Any) -> list[tuple[str, str, str | None]]:
    return [
        (call.pbx_call_id, call.state, call.agent)
        for call in router.parts.actor.floor.calls.values()
        if call.control == "desk"
    ]


async def test_an_appeal_is_offered_accepted_told_once_and_gone_when_it_is_answered(
    offering: Any,
) -> None:
    await ready(offering, "a1")
    await hears(offering, created(), sequence=1)
    offer = await offer_of(offering, "a1")
    assert (offer.ticket_id, offer.queue, offer.caller) == ("t1", "desk", None)
    taken = await offering.service.accept_offer("a1", offer.id)
    assert (taken.state, taken.call.ticket_id) == ("talking", "t1")
    assert [(one["ticket_id"], one["agent"]) for one in await accepted(offering)] == [("t1", "a1")]
    for _ in range(3):
        await offering.service.bring_work()
    assert on_floor(offering) == [("t1.1", "connected", "a1")], "before the journal has answered"
    await hears(offering, moved(owner="a1"), sequence=2)
    assert on_floor(offering) == [("t1.1", "connected", "a1")]
    await hears(offering, moved(action="answer", status="in_review", owner="a1"), sequence=3)
    assert on_floor(offering) == [("t1.1", "ended", "a1")]
    assert (await offering.service.queries.agent("a1")).state == "ready"
    assert len(await accepted(offering)) == 1


async def test_who_is_done_before_the_journal_has_answered_is_not_offered_it_again(
    offering: Any,
) -> None:
    await ready(offering, "a1")
    await hears(offering, created(), sequence=1)
    offer = await offer_of(offering, "a1")
    await offering.service.accept_offer("a1", offer.id)
    await offering.service.work_done("a1", offer.call_id)
    await hears(offering, moved(action="amend", status="new"), sequence=2)
    assert on_floor(offering) == [("t1.1", "ended", "a1")], "the journal's word is still to come"
    await hears(offering, moved(owner="a1"), sequence=3)
    await hears(offering, moved(action="step_reassign", owner=None), sequence=4)
    assert on_floor(offering)[-1] == ("t1.2", "offered", None), "nobody has it any more"


async def test_who_was_given_it_meanwhile_settles_it_too(offering: Any) -> None:
    """Or it would wait for a word that never comes."""
    await ready(offering, "a1")
    await hears(offering, created(), sequence=1)
    await offering.service.accept_offer("a1", (await offer_of(offering, "a1")).id)
    await hears(offering, moved(action="step_reassign", owner="spec1"), sequence=2)
    await hears(offering, moved(action="escalate", owner=None, group=None), sequence=3)
    assert [name for name, _, _ in on_floor(offering)] == ["t1.1", "t1.2"]


async def test_events_in_any_order_and_again_end_the_same(offering: Any) -> None:
    await hears(offering, moved(action="escalate", owner=None, group="l2-care"), sequence=3)
    await hears(offering, created(), sequence=1)
    await hears(offering, moved(owner="x"), sequence=2)
    await hears(offering, moved(action="escalate", owner=None, group="l2-care"), sequence=3)
    assert on_floor(offering) == [("t1.1", "queued", None)]
    (item,) = offering.parts.actor.floor.calls.values()
    assert item.queue == "care"


async def test_an_appeal_goes_to_its_new_groups_queue_and_away_with_who_takes_it_elsewhere(
    offering: Any,
) -> None:
    await hears(offering, created(), sequence=1)
    await hears(offering, moved(action="step_escalate", group="l2-care"), sequence=2)
    await offering.service.bring_work()
    (item,) = [c for c in offering.parts.actor.floor.calls.values() if c.state == "queued"]
    assert (item.queue, item.pbx_call_id) == ("care", "t1.2")
    await hears(offering, moved(owner="spec1", group="l2-care"), sequence=3)
    assert [state for _, state, _ in on_floor(offering)] == ["ended", "ended"]
    assert await accepted(offering) == []


@pytest.mark.parametrize(
    "over",
    [
        TicketClosed(ticket_id="t1", number="t1", outcome="justified", closed_at=NOW),
        moved(owner="a2"),
        moved(action="send_to_insurer", status="with_insurer", owner="a1"),
    ],
    ids=["closed", "somebody else's", "with the insurer"],
)
async def test_who_has_it_is_free_when_it_is_not_his_any_more(offering: Any, over: Event) -> None:
    await ready(offering, "a1")
    await hears(offering, created(), sequence=1)
    await offering.service.accept_offer("a1", (await offer_of(offering, "a1")).id)
    await hears(offering, over, sequence=2)
    assert on_floor(offering) == [("t1.1", "ended", "a1")]
    assert (await offering.service.queries.agent("a1")).state == "ready"


async def test_urgent_ones_come_first_and_become_so_while_they_wait(offering: Any) -> None:
    later, sooner = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)
    await hears(offering, created("t1", due_at=later), sequence=1)
    await hears(offering, created("t2", due_at=sooner), sequence=1)
    await hears(offering, moved("t3", action="step_raise_priority", priority="high"), sequence=2)
    await hears(offering, moved("t1", action="step_raise_priority", priority="urgent"), sequence=2)
    await ready(offering, "a1")
    assert (await offer_of(offering, "a1")).ticket_id == "t1"
    await ready(offering, "a2")
    assert (await offer_of(offering, "a2")).ticket_id == "t3"


async def test_a_new_leader_goes_on_where_the_old_one_was(offering: Any, lead: Any) -> None:
    await ready(offering, "a1")
    await hears(offering, created("t1"), created("t2"), sequence=1)
    await offering.service.accept_offer("a1", (await offer_of(offering, "a1")).id)
    before = sorted(on_floor(offering))
    await offering.kill()
    async with lead() as second:
        for _ in range(2):
            await second.service.bring_work()
        assert sorted(on_floor(second)) == before


async def test_without_the_configuration_nothing_is_offered_and_what_waits_goes(
    offering: Any,
) -> None:
    await hears(offering, created(), sequence=1)
    await offering.store.apply({"queues": [{"id": "desk"}, {"id": "care"}]})
    await offering.service.bring_work()
    assert [state for _, state, _ in on_floor(offering)] == ["ended"]


async def test_appeals_stand_in_no_list_or_figure_of_calls(offering: Any) -> None:
    await ready(offering, "a1")
    await hears(offering, created(), sequence=1)
    offer = await offer_of(offering, "a1")
    await offering.service.accept_offer("a1", offer.id)
    assert await offering.service.queries.calls(EVERYTHING) == []
    queues = {queue.id: queue for queue in await offering.service.queries.queues()}
    assert (queues["desk"].offered, queues["desk"].answered) == (0, 0)
    assert queues["desk"].agents == {"talking": 1, "logged_out": 1}
    assert (await offering.service.queries.call(offer.call_id, EVERYTHING)).ticket_id == "t1"
    async with offering.parts.database.read() as connection:
        told = (await connection.execute(text("SELECT DISTINCT type FROM outbox"))).scalars().all()
    assert set(told) == {"careline.work.accepted.v1", "careline.agent.state_changed.v1"}
    with pytest.raises(Conflict) as wrapped:
        await offering.service.wrap_up(
            "a1", offer.call_id, WrapUp(disposition="solved", resolved=True)
        )
    assert wrapped.value.type == "no-wrap-up"
    with pytest.raises(NotFound):
        await offering.service.work_done("a1", "nothing")


async def test_appeals_are_counted_as_work_and_never_as_calls(offering: Any) -> None:
    await hears(offering, created(), sequence=1)
    await ready(offering, "a1")
    offer = await offer_of(offering, "a1")
    await offering.service.accept_offer("a1", offer.id)
    await offering.service.work_done("a1", offer.call_id)
    count = offering.metrics.value
    assert count("work_items_arrived_total") == 1
    assert count("work_items_total", outcome="handled") == 1
    assert count("calls_arrived_total") == 0
    assert not count("calls_total", outcome="handled")
