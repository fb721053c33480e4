"""One call, from its announcement to its wrap-up, through the service."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from careline_common.db.migrate import differences
from careline_common.http.problem import Problem
from careline_router.db.tables import SCHEMA, metadata
from careline_router.ports import Arrival
from careline_router.queries import EVERYTHING
from careline_router.views import PbxCommand, Viewer, WrapUp

pytestmark = pytest.mark.integration

LINE = "+74950000001"


def arrival(name: str = "c1", **fields: Any) -> Arrival:
    return Arrival(**{"pbx_call_id": name, "caller": "+79161234567", "line": LINE, **fields})


def types(commands: Sequence[PbxCommand]) -> list[str]:
    return [command.type for command in commands]


async def ready(router: Any, *agents: str) -> None:
    for agent in agents:
        await router.service.log_in(agent)
        await router.service.set_state(agent, "ready")


async def outbox(router: Any) -> list[tuple[str, int]]:
    async with router.parts.database.read() as connection:
        rows = await connection.execute(text("SELECT type, sequence FROM outbox ORDER BY id"))
        return [(row.type, row.sequence) for row in rows]


async def test_the_tables_are_what_the_history_makes(database_url: str) -> None:
    assert await differences(database_url, schema=SCHEMA, metadata=metadata) == []


async def test_a_call_goes_from_arrival_to_wrap_up(router: Any) -> None:
    service = router.service
    arrived = await service.call_arrived("pbx1", arrival())
    assert arrived.call.state == "queued"
    assert types(arrived.commands) == ["answer", "hold"]
    await ready(router, "a1")
    agent = await service.queries.agent("a1")
    assert agent.state == "reserved"
    assert agent.offer is not None
    assert agent.offer.caller == "+79161234567"
    accepted = await service.accept_offer("a1", agent.offer.id)
    assert accepted.offer is not None
    assert accepted.offer.state == "ringing"
    rung = await service.pbx.commands("pbx1", wait_s=1)
    assert [c.as_json()["endpoint"] for c in rung if c.type == "ring"] == ["PJSIP/a1"]
    answered = await service.call_answered("pbx1", "c1", agent.offer.id)
    assert answered.call.state == "connected"
    assert "bridge" in types(answered.commands)
    ended = await service.hung_up("pbx1", "c1", "caller")
    assert (ended.call.outcome, ended.call.agent) == ("handled", "a1")
    assert (await service.queries.agent("a1")).state == "wrap_up"
    wrapped = await service.wrap_up(
        "a1", ended.call.id, WrapUp(disposition="solved", resolved=True)
    )
    assert wrapped.wrap_up is not None
    assert (await service.queries.agent("a1")).state == "ready"
    kinds = [kind for kind, _ in await outbox(router)]
    for expected in ("arrived", "queued", "connected", "ended", "wrapped_up"):
        assert kinds.count(f"careline.call.{expected}.v1") == 1
    assert kinds.count("careline.agent.state_changed.v1") == 6


async def test_the_sequence_of_a_call_only_grows(router: Any) -> None:
    service = router.service
    await ready(router, "a1")
    await service.call_arrived("pbx1", arrival())
    offer = (await service.queries.agent("a1")).offer
    await service.accept_offer("a1", offer.id)
    await service.call_answered("pbx1", "c1", offer.id)
    await service.hung_up("pbx1", "c1", "agent")
    rows = await outbox(router)
    calls = [number for kind, number in rows if kind.startswith("careline.call.")]
    agents = [number for kind, number in rows if kind.startswith("careline.agent.")]
    assert calls == sorted(set(calls))
    assert agents == list(range(1, len(agents) + 1))


async def test_an_unknown_line_is_closed_with_a_message(router: Any) -> None:
    answer = await router.service.call_arrived("pbx1", arrival(line="+70000000000"))
    assert (answer.call.state, answer.call.outcome) == ("ended", "closed")
    assert types(answer.commands) == ["answer", "announce", "hangup"]
    assert router.metrics.value("unknown_line_calls_total") == 1


async def test_the_same_call_announced_again_is_the_same_call(router: Any) -> None:
    first = await router.service.call_arrived("pbx1", arrival())
    again = await router.service.call_arrived("pbx1", arrival())
    assert again.call.id == first.call.id


async def test_a_fact_about_a_call_nobody_announced_is_404(router: Any) -> None:
    with pytest.raises(Problem) as caught:
        await router.service.hung_up("pbx1", "nobody", "caller")
    assert (caught.value.status, caught.value.type) == (404, "unknown-call")


async def test_a_caller_who_goes_while_the_phone_rings_cancels_the_ring(router: Any) -> None:
    service = router.service
    await ready(router, "r1")
    arrived = await service.call_arrived("pbx1", arrival(ivr={"digit": "2"}))
    assert types(arrived.commands) == ["answer", "hold", "ring"]
    gone = await service.hung_up("pbx1", "c1", "caller")
    assert gone.call.outcome == "abandoned"
    assert types(gone.commands) == ["cancel_ring"]
    assert (await service.queries.agent("r1")).state == "ready"


async def test_a_command_comes_until_it_is_done(router: Any) -> None:
    service = router.service
    answer = await service.call_arrived("pbx1", arrival())
    for command in answer.commands:
        await service.command_done("pbx1", command.id, ok=True)
        await service.command_done("pbx1", command.id, ok=True)
    with pytest.raises(Problem) as caught:
        await service.command_done("pbx2", answer.commands[0].id, ok=True)
    assert caught.value.type == "unknown-command"
    assert await service.pbx.commands("pbx1", wait_s=0) == []


async def test_a_ring_that_fails_frees_the_call_for_the_next(router: Any) -> None:
    service = router.service
    await ready(router, "r1")
    arrived = await service.call_arrived("pbx1", arrival(ivr={"digit": "2"}))
    ring = next(command for command in arrived.commands if command.type == "ring")
    await service.command_done("pbx1", ring.id, ok=False)
    agent = await service.queries.agent("r1")
    assert (agent.state, agent.reason) == ("not_ready", "unreachable")
    assert (await service.queries.call(arrived.call.id, EVERYTHING)).state == "queued"


async def test_every_offer_has_its_decision(router: Any) -> None:
    await ready(router, "a1", "r1")
    answer = await router.service.call_arrived("pbx1", arrival())
    (decision,) = await router.service.queries.decisions(answer.call.id)
    assert decision["chosen"] == "a1"
    assert decision["agents"] == ["a1"]
    groups = {group["signature"]: group for group in decision["groups"]}
    assert groups["child:9"]["removed_by"] == "skill:adult"
    assert groups["adult:10"]["idle"] == 1
    assert decision["flow_version"] == 1
    assert decision["crm"]["status"] == "unknown"


async def test_the_caller_is_shown_to_his_agent_and_to_nobody_else(router: Any) -> None:
    service = router.service
    await ready(router, "a1")
    call = (await service.call_arrived("pbx1", arrival())).call
    offer = (await service.queries.agent("a1")).offer
    await service.call_answered("pbx1", "c1", offer.id)
    for viewer, seen in (
        (Viewer(agent="a1"), True),
        (Viewer(agent="a2"), False),
        (service.viewer("sup1", frozenset({"supervisor"})), True),
        (service.viewer("sup2", frozenset({"supervisor"})), False),
        (service.viewer("boss", frozenset({"admin"})), False),
        (service.viewer("boss", frozenset({"supervisor", "floor"})), True),
    ):
        assert ((await service.queries.call(call.id, viewer)).caller is not None) is seen


async def test_the_queues_count_what_was_answered_and_lost(router: Any) -> None:
    service = router.service
    await ready(router, "a1")
    await service.call_arrived("pbx1", arrival("c1"))
    offer = (await service.queries.agent("a1")).offer
    await service.call_answered("pbx1", "c1", offer.id)
    await service.call_arrived("pbx1", arrival("c2"))
    await service.hung_up("pbx1", "c2", "caller")
    await service.call_arrived("pbx1", arrival("c3"))
    queue = next(queue for queue in await service.queries.queues() if queue.id == "adult")
    assert (queue.offered, queue.answered, queue.abandoned, queue.in_target) == (3, 1, 1, 1)
    assert queue.waiting == 1
    assert queue.lcr_pct == pytest.approx(33.33)
    assert queue.agents["talking"] == 1


async def test_a_recording_stands_in_the_call(router: Any) -> None:
    await router.service.call_arrived("pbx1", arrival())
    answer = await router.service.recording_ready("pbx1", "c1", "http://pbx/1.wav", 12.5)
    assert answer.call.recording == {"url": "http://pbx/1.wav", "duration_s": 12.5}


async def test_a_supervisor_moves_only_what_his_team_could_serve(router: Any) -> None:
    service = router.service
    call = (await service.call_arrived("pbx1", arrival())).call
    lead = service.viewer("sup1", frozenset({"supervisor"}))
    stranger = service.viewer("sup2", frozenset({"supervisor"}))
    with pytest.raises(Problem) as caught:
        await service.move(stranger, call.id, "child")
    assert caught.value.status == 403
    moved = await service.move(lead, call.id, "child")
    assert (moved.queue, moved.queued_at) == ("child", call.queued_at)
    urgent = await service.set_priority(lead, call.id, "emergency")
    assert urgent.priority == "emergency"


async def test_keys_after_the_call_are_told_and_keys_during_it_are_not(router: Any) -> None:
    service = router.service
    await service.call_arrived("pbx1", arrival())
    await service.digits("pbx1", "c1", "4111111111111111")
    await service.hung_up("pbx1", "c1", "caller")
    await service.digits("pbx1", "c1", "5#10")
    async with router.parts.database.read() as connection:
        rows = await connection.execute(
            text("SELECT convert_from(body, 'utf8') AS body FROM outbox ORDER BY id")
        )
        bodies = [row.body for row in rows]
    assert [body for body in bodies if "4111" in body] == []
    assert len([body for body in bodies if '"5#10"' in body]) == 1
