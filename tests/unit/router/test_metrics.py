"""What operators see of a floor."""

import pytest

from careline_common.observability.metrics import MetricsRegistry
from careline_router.domain import commands as cmd
from careline_router.domain.floor import Floor
from careline_router.domain.specs import AgentSpec, QueueSpec
from careline_router.domain.work import OfferWork
from careline_router.metrics import RouterMetrics

pytestmark = pytest.mark.unit


def floor_with(*waiting: tuple[str, str, float]) -> Floor:
    """A floor with one agent, two queues and calls that were queued there at a time."""
    floor = Floor()
    floor.handle(cmd.ConfigureQueues(queues=(QueueSpec(id="q"), QueueSpec(id="quiet"))), 0)
    floor.handle(
        cmd.ConfigureAgents(agents=(AgentSpec(id="a", skills={"x": 5}, endpoint="P/a"),)), 0
    )
    for call, queue, at in waiting:
        register = cmd.RegisterCall(call_id=call, pbx="p", pbx_call_id=call, line="1")
        queued = cmd.QueueCall(call_id=call, queue=queue, skills={"x": 1}, priority="insured")
        floor.handle(register, at)
        floor.handle(queued, at)
    return floor


@pytest.fixture
def registry() -> MetricsRegistry:
    return MetricsRegistry("router")


def test_a_queue_shows_its_longest_wait_and_none_where_nobody_waits(
    registry: MetricsRegistry,
) -> None:
    RouterMetrics(registry).measure(floor_with(("old", "q", 100), ("new", "q", 130)), now=150)
    assert registry.value("longest_wait_seconds", queue="q") == 50
    assert registry.value("longest_wait_seconds", queue="quiet") == 0
    assert registry.value("waiting_calls") == 2


def test_a_call_that_is_only_offered_waits_still(registry: MetricsRegistry) -> None:
    floor = floor_with(("c", "q", 100))
    floor.handle(cmd.LogIn(agent_id="a"), 105)
    floor.handle(cmd.SetReady(agent_id="a"), 105)
    assert floor.offers
    RouterMetrics(registry).measure(floor, now=110)
    assert registry.value("longest_wait_seconds", queue="q") == 10


def test_appeals_that_wait_are_no_callers_who_wait(registry: MetricsRegistry) -> None:
    floor = floor_with(("c", "q", 100))
    waits = OfferWork(
        call_id="w", ticket_id="t", number=1, queue="quiet", skills={}, priority="deferrable"
    )
    floor.handle(waits, 100)
    RouterMetrics(registry).measure(floor, now=1_000)
    assert registry.value("waiting_calls") == 1
    assert registry.value("longest_wait_seconds", queue="quiet") == 0


def test_who_leads_no_more_tells_nothing_of_the_floor(registry: MetricsRegistry) -> None:
    metrics = RouterMetrics(registry)
    metrics.leading.set(1)
    metrics.measure(floor_with(("c", "q", 100)), now=110)
    metrics.stepped_down()
    samples = [
        sample
        for family in registry.registry.collect()
        for sample in family.samples
        if sample.name.endswith(("_wait_seconds", "_agents"))
    ]
    assert samples == []
    assert registry.value("leading") == registry.value("waiting_calls") == 0


def test_what_callers_were_told_and_promised_is_held_against_what_came(
    registry: MetricsRegistry,
) -> None:
    floor = floor_with(("c", "q", 100), ("d", "q", 110))
    floor.handle(cmd.LogIn(agent_id="a"), 130)
    floor.handle(cmd.SetReady(agent_id="a"), 130)
    floor.handle(cmd.PhoneAnswered(offer_id="c.1"), 131)
    wanted = cmd.RequestCallback(
        call_id="b", pbx="p", line="1", queue="q", skills={}, priority="insured", person="x"
    )
    floor.handle(wanted, 131)
    RouterMetrics(registry).measure(floor, now=131)
    error = {
        figure: registry.value("wait_estimate_error_seconds", queue="q", figure=figure)
        for figure in ("mae", "p90", "bias")
    }
    assert error == {"mae": 31, "p90": 31, "bias": -31}
    assert registry.value("callback_promises", queue="q", fate="made") == 1
    assert registry.value("callback_promises", queue="q", fate="kept") == 0
