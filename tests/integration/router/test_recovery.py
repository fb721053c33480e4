"""The floor outlives its process, a bad command, a lost connection and a second leader."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from careline_common.clock import ManualClock, SystemClock
from careline_common.http.idempotency import Answer, KeyReusedError
from careline_common.http.problem import Problem
from careline_common.testing.waiting import eventually
from careline_router.domain import commands as cmd
from careline_router.domain.filing import FORGET_EVERY_S, LINGER_S
from careline_router.domain.floor import Floor
from careline_router.ports import AlreadyAnswered, Arrival, Receipt
from careline_router.queries import EVERYTHING
from careline_router.runtime.codec import snapshot_parts
from careline_router.runtime.contacts import Contact
from careline_router.runtime.floor_actor import FloorActor
from careline_router.runtime.lease import POLL_S, STEP_BACK_S, DeposedError, FloorLease

pytestmark = pytest.mark.integration

LINE = "+74950000001"
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = 'careline-router'"
)


def arrival(name: str, **fields: Any) -> Arrival:
    return Arrival(**{"pbx_call_id": name, "caller": "+79161234567", "line": LINE, **fields})


def shown(floor: Floor) -> dict[str, Any]:
    """Everything a floor is, but for the present moment."""
    whole: dict[str, Any] = json.loads(b"".join(snapshot_parts(replace(floor.snapshot(), now=0.0))))
    return whole


async def write_snapshot(actor: FloorActor) -> None:
    await actor._snapshots.write(actor.floor.snapshot(), actor._numbers.journal)


async def count(router: Any, query: str) -> int:
    async with router.parts.database.read() as connection:
        return int((await connection.execute(text(query))).scalar_one())


async def test_a_killed_router_comes_back_with_every_call_place_and_deadline(
    lead: Any, router: Any
) -> None:
    await router.service.log_in("a1")
    await router.service.set_state("a1", "ready")
    for number in range(5):
        await router.service.call_arrived("pbx1", arrival(f"c{number}"))
    before = router.parts.actor.floor
    offer = (await router.service.queries.agent("a1")).offer
    await router.kill()
    async with lead() as second:
        after = second.parts.actor.floor
        assert shown(after) == shown(before)
        agent = await second.service.queries.agent("a1")
        assert agent.offer == offer
        assert second.parts.contacts.of(offer.call_id).phone == "+79161234567"
        await second.service.accept_offer("a1", offer.id)
        answered = await second.service.call_answered("pbx1", "c0", offer.id)
        assert answered.call.state == "connected"


async def test_it_comes_back_from_a_snapshot_and_the_journal_after_it(
    lead: Any, router: Any
) -> None:
    await router.service.call_arrived("pbx1", arrival("c1"))
    await write_snapshot(router.parts.actor)
    await router.service.call_arrived("pbx1", arrival("c2"))
    before = shown(router.parts.actor.floor)
    await router.kill()
    async with lead() as second:
        assert shown(second.parts.actor.floor) == before
        assert second.parts.actor._snapshots.seq > 0


async def test_a_call_that_had_only_arrived_is_routed_by_the_next_process(
    lead: Any, router: Any
) -> None:
    await router.parts.actor.submit(register("x"))
    await router.kill()
    async with lead() as second:
        call = await second.service.queries.call("x", EVERYTHING)
        assert (call.state, call.queue) == ("queued", "adult")


async def test_commands_that_wait_together_share_one_transaction(router: Any) -> None:
    answers = await asyncio.gather(
        *(router.service.call_arrived("pbx1", arrival(f"c{number}")) for number in range(40))
    )
    assert len({answer.call.id for answer in answers}) == 40
    batches = router.metrics.value("batch_commands_count")
    commands = router.metrics.value("batch_commands_sum")
    assert commands >= 80
    assert batches < commands / 4


def register(name: str, pbx_call_id: str | None = None) -> cmd.RegisterCall:
    return cmd.RegisterCall(
        call_id=name, pbx="pbx1", pbx_call_id=pbx_call_id or name, line=LINE, control="commands"
    )


@pytest.mark.parametrize("text", ["\x00", "\ud800"])
async def test_one_command_with_text_that_cannot_be_kept_fails_alone(
    router: Any, text: str
) -> None:
    """U+0000 is refused by the database while it reads a COPY, a lone surrogate before that."""
    names = [f"c{number}" for number in range(8)]
    commands = [register(name) for name in names]
    commands.insert(3, register("bad", text))
    await fails_alone(router, commands, 3)
    assert await count(router, "SELECT count(*) FROM call_record") == 8
    assert sorted(router.parts.actor.floor.calls) == names


ROGUES = {
    "a decision of this id": """
        INSERT INTO decision (offer_id, call_id, at, policy, groups, agents, chosen, took_us, crm)
        VALUES ('c3.1', 'c3', now(), 'p', '[]', '[]', 'a1', 1, '{}')""",
    # the database looks at this one in the commit itself
    "an open offer to this agent": """
        INSERT INTO offer (id, call_id, agent, state, endpoint, made_at, deadline, timeout_s)
        VALUES ('rogue', 'other', 'a1', 'offered', 'e', now(), now(), 1)""",
}


@pytest.mark.parametrize("there_is", ROGUES)
async def test_one_command_that_breaks_a_constraint_fails_alone(router: Any, there_is: str) -> None:
    actor = router.parts.actor
    for number in range(6):
        await actor.submit(register(f"c{number}"))
    for command in (cmd.LogIn(agent_id="a1"), cmd.SetReady(agent_id="a1")):
        await actor.submit(command)
    async with router.parts.database.unit_of_work() as uow:
        await uow.connection.execute(text(ROGUES[there_is]))
    queued = cmd.QueueCall(call_id="c3", queue="adult", skills={"adult": 1}, priority="insured")
    commands: list[cmd.Command] = [
        cmd.Digits(call_id=f"c{number}", digits="1") for number in range(6)
    ]
    commands.insert(2, queued)
    await fails_alone(router, commands, 2)
    assert actor.floor.calls["c3"].state == "arrived"
    assert actor.floor.agents["a1"].state == "ready"


async def fails_alone(router: Any, commands: list[Any], guilty: int) -> None:
    results = await asyncio.gather(
        *(router.parts.actor.submit(command) for command in commands), return_exceptions=True
    )
    failure = results.pop(guilty)
    assert isinstance(failure, Problem), failure
    assert (failure.status, failure.type) == (422, "invalid-data")
    assert not [result for result in results if isinstance(result, BaseException)]
    assert await count(router, "SELECT count(*) - max(seq) FROM journal") == 0
    assert router.metrics.value("batches_bisected_total") >= 1


async def test_a_connection_lost_in_the_middle_of_a_batch_loses_and_doubles_nothing(
    router: Any, database_url: str
) -> None:
    other = await asyncpg.connect(database_url)

    async def cut(after_s: float) -> None:
        await asyncio.sleep(after_s)
        await other.execute(CUT + " AND state <> 'idle'")

    for wave in range(8):
        commands = [router.parts.actor.submit(register(f"c{wave}-{n}")) for n in range(150)]
        await asyncio.gather(*commands, cut(0.005 * wave))
    await other.close()
    assert await count(router, "SELECT count(*) FROM call_record") == 1200
    assert await count(router, "SELECT count(*) FROM journal WHERE kind = 'CallRegistered'") == 1200


async def test_a_lost_connection_loses_no_command(router: Any, database_url: str) -> None:
    actor = router.parts.actor
    other = await asyncpg.connect(database_url)
    results = []
    for number in range(20):
        wave = [actor.submit(register(f"c{number}-{n}")) for n in range(5)]
        if number in {3, 9}:
            wave.append(other.execute(CUT))
        results += await asyncio.gather(*wave)
    await other.close()
    assert len(results) == 102
    assert await count(router, "SELECT count(*) FROM call_record") == 100
    assert await count(router, "SELECT count(*) FROM journal WHERE kind = 'CallRegistered'") == 100


async def test_a_receipt_gives_the_first_answer_again_and_no_second_effect(router: Any) -> None:
    def receipt(body: bytes) -> Receipt:
        return Receipt(
            scope="signed:pbx1",
            key="m1",
            fingerprint=body,
            render=lambda answer: Answer.json(
                {"id": answer.call.id, "commands": [c.as_json() for c in answer.commands]}
            ),
        )

    service = router.service
    first = await service.call_arrived("pbx1", arrival("c1"), receipt=receipt(b"1"))
    for fact in (
        service.call_arrived("pbx1", arrival("c1"), receipt=receipt(b"1")),
        service.hung_up("pbx1", "c1", "caller", receipt=receipt(b"1")),
    ):
        with pytest.raises(AlreadyAnswered) as caught:
            await fact
        assert first.call.id.encode() in caught.value.answer.body
        assert b'"answer"' in caught.value.answer.body
    with pytest.raises(KeyReusedError):
        await service.hung_up("pbx1", "c1", "caller", receipt=receipt(b"2"))
    assert (await service.queries.call(first.call.id, EVERYTHING)).state == "queued"


async def test_the_same_receipt_twice_at_once_has_one_effect(router: Any) -> None:
    receipt = Receipt(
        scope="signed:pbx1", key="m1", fingerprint=b"1", render=lambda _: Answer.json({"ok": True})
    )
    results = await asyncio.gather(
        *(router.parts.actor.submit(register("x"), receipt=receipt) for _ in range(3)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, AlreadyAnswered) for result in results) == 2


async def test_a_second_process_waits_and_takes_over_at_once_when_the_first_dies(
    lead: Any, router: Any
) -> None:
    await router.service.call_arrived("pbx1", arrival("c1"))
    second = asyncio.create_task(_lead_and_count(lead))
    await asyncio.sleep(0)
    await router.service.call_arrived("pbx1", arrival("c2"))
    assert not second.done()
    await router.kill()
    assert await asyncio.wait_for(second, 5) == 2


async def _lead_and_count(lead: Any) -> int:
    async with lead() as second:
        return len(second.parts.actor.floor.calls)


async def test_a_leader_that_was_deposed_writes_nothing_and_leads_again_later(router: Any) -> None:
    await router.service.call_arrived("pbx1", arrival("c1"))
    async with router.parts.database.unit_of_work() as uow:
        await uow.connection.execute(text("UPDATE floor_lease SET epoch = epoch + 1"))
    with pytest.raises(Problem) as caught:
        await router.service.call_arrived("pbx1", arrival("c2"))
    assert caught.value.status == 503
    assert await count(router, "SELECT count(*) FROM call_record") == 1
    await eventually(lambda: router.parts.actor.leading)
    again = await router.service.call_arrived("pbx1", arrival("c2"))
    assert again.call.state == "queued"


async def test_an_offer_runs_out_by_itself(router: Any) -> None:
    await router.store.apply({"queues": [{"id": "adult", "offer_timeout_s": 0.2}]})
    await router.service.log_in("a1")
    await router.service.set_state("a1", "ready")
    await router.service.call_arrived("pbx1", arrival("c1"))

    async def missed() -> bool:
        agent = await router.service.queries.agent("a1")
        return (agent.state, agent.reason) == ("not_ready", "rona")

    await eventually(missed)


async def test_a_reload_of_the_floor_keeps_the_number_of_a_caller_who_is_just_arriving(
    router: Any,
) -> None:
    await router.service.call_arrived("pbx1", arrival("c1"))
    router.parts.contacts.put("new", Contact(phone="+79161234568"))
    await router.parts.actor.load()
    assert router.parts.contacts.of("new").phone == "+79161234568"
    (known,) = router.parts.actor.floor.calls
    assert router.parts.contacts.of(known).phone == "+79161234567"


async def test_an_arrival_told_again_to_a_deposed_leader_does_not_make_him_forget_the_number(
    router: Any,
) -> None:
    call_id = await router.service._register("pbx1", arrival("c1"), "commands")
    async with router.parts.database.unit_of_work() as uow:
        await uow.connection.execute(text("UPDATE floor_lease SET epoch = epoch + 1"))
    await eventually(lambda: not router.parts.actor.leading)
    with pytest.raises(Problem) as caught:
        await router.service.call_arrived("pbx1", arrival("c1"))
    assert caught.value.status == 503
    await eventually(lambda: router.parts.actor.leading)
    again = await router.service.call_arrived("pbx1", arrival("c1"))
    assert (again.call.id, again.call.state) == (call_id, "queued")
    assert router.parts.contacts.of(call_id).phone == "+79161234567"


async def test_nothing_is_kept_in_memory_of_a_call_that_the_floor_has_forgotten(
    lead: Any, router: Any
) -> None:
    await router.kill()
    clock = ManualClock(SystemClock().now())
    async with lead(clock=clock) as second:
        parts = second.parts
        call = (await second.service.call_arrived("pbx1", arrival("c1"), control="dialplan")).call
        await second.service.hung_up("pbx1", "c1", "caller")
        assert (await parts.pbx.route("pbx1", "c1", wait_s=0)).action == "hangup"
        assert parts.contacts.of(call.id).phone is not None
        clock.advance(LINGER_S + FORGET_EVERY_S)
        await parts.actor.submit(cmd.Tick())
        assert parts.actor.floor.calls == {}
        assert parts.contacts.of(call.id).phone is None
        assert not [name for name in parts.pbx._changed if call.id in name]
        assert call.id not in parts.pbx._asked_until


async def test_a_leg_that_goes_ends_only_its_own_talk(router: Any) -> None:
    service = router.service
    for agent in ("a1", "a2"):
        await service.log_in(agent)
        await service.set_state(agent, "ready")
    call = (await service.call_arrived("pbx1", arrival("c1"))).call
    first = (await service.queries.agent("a1")).offer
    await service.offer_failed("pbx1", "c1", first.id, "busy")
    second = (await service.queries.agent("a2")).offer
    await service.call_answered("pbx1", "c1", second.id)
    late = await service.leg_gone("pbx1", "c1", first.id, "unreachable")
    assert (late.call.state, late.call.agent) == ("connected", "a2")
    over = await service.leg_gone("pbx1", "c1", second.id, "unreachable")
    assert (over.call.id, over.call.state, over.call.outcome) == (call.id, "ended", "handled")
    assert "hangup" in [command.type for command in over.commands]


def nobody(address: str | None) -> None:
    """Stands by: these processes tell each other no address."""
    assert address is None


async def test_a_stopped_leader_who_comes_back_does_not_take_the_floor_from_the_next(
    database_url: str,
) -> None:
    stopped, following, back = (
        FloorLease(database_url, schema="router", floor="x", holder=name, clock=SystemClock())
        for name in "abc"
    )
    await stopped.acquire(nobody)
    other = await asyncpg.connect(database_url)
    await other.execute("UPDATE router.floor_lease SET expires_at = '-infinity'")
    await other.close()
    await following.acquire(nobody)
    with pytest.raises(DeposedError):
        await stopped.keep()
    await stopped.release()
    keeping = asyncio.create_task(following.keep())
    await asyncio.sleep(STEP_BACK_S)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2 * POLL_S):
            await back.acquire(nobody)
    assert not keeping.done()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await following.release()
    await back.release()
