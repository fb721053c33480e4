"""Citizens are told of promises given, changed, broken and kept, once each, by SMS or mail; and they are
answered when they ask by SMS."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from careline_common.events.surveys import MessageReceived
from careline_common.events.tickets import TicketNoticeIssued
from careline_tickets.noticing import TRIED_AGAIN_AFTER, PromiseWatch
from careline_tickets.ports import Message
from careline_tickets.service import Journal
from careline_tickets.sms_taking import SmsDesk

pytestmark = pytest.mark.integration

PHONE = "+79001234567"
CITIZEN = {"person": {"phone": PHONE}, "kind": "complaint"}


@pytest_asyncio.fixture(loop_scope="session")
async def told(desk: Any) -> AsyncIterator[Any]:
    """A journal that tells of everything."""
    applied = await desk.person("admin").put(
        "config", {"careline": 1, "notices": {"language": "en"}}
    )
    assert applied.status_code == 200, applied.text
    yield desk


async def notices(desk: Any) -> list[TicketNoticeIssued]:
    rows = await desk.query(
        "SELECT body FROM tickets.outbox WHERE type LIKE '%notice_issued%' ORDER BY id"
    )
    from careline_common.events import Envelope

    found = [Envelope.parse(bytes(row["body"])).data for row in rows]
    return [one for one in found if isinstance(one, TicketNoticeIssued)]


async def kinds(desk: Any) -> list[str]:
    return [one.kind for one in await notices(desk)]


def watch_of(desk: Any) -> PromiseWatch:
    """Who tells of broken promises, beside the one that runs in the background."""
    office = desk.service.app.state.office
    noticer = office.journal._observers[1].__self__
    return PromiseWatch(office.database, noticer, desk.clock)


DAY = 86_400
MONTHS = 40 * DAY


async def test_nobody_is_told_where_it_is_not_configured(desk: Any) -> None:
    await desk.agent.register(**CITIZEN)
    assert await notices(desk) == []
    assert await desk.query("SELECT * FROM tickets.promise") == []


async def test_a_promise_given_is_told_with_number_code_and_day(told: Any) -> None:
    ticket = await told.agent.register(**CITIZEN)
    [notice] = await notices(told)
    assert notice.message == (
        f"Your appeal {ticket['number']} is registered. Tracking code: {ticket['tracking_code']}."
        " We answer by 2026-04-01."
    )
    assert (notice.kind, notice.contact, notice.at_once) == ("registered", PHONE, True)


async def test_who_left_no_number_or_came_by_a_partner_is_not_told(told: Any) -> None:
    await told.agent.register(kind="complaint")
    await told.agent.register(**CITIZEN, channel="insurer")
    assert await notices(told) == []


async def test_an_answer_in_the_same_call_needs_no_notice(told: Any) -> None:
    await told.agent.register(person={"phone": PHONE}, close={"answer": "At nine."})
    assert await notices(told) == []


async def test_a_promise_that_is_extended_or_kept_is_told(told: Any) -> None:
    ticket = await told.agent.register(**CITIZEN)
    boss = told.boss
    taken = await boss.does(ticket, "take")
    longer = await boss.does(taken, "extend", days=10, reason="The clinic was asked")
    await boss.does(longer, "close", outcome="justified", answer="It is yours")
    found = await notices(told)
    assert [one.kind for one in found] == ["registered", "extended", "closed"]
    assert "2026-04-11" in found[1].message
    assert not found[2].at_once
    assert all("clinic" not in one.message and "yours" not in one.message for one in found)


async def test_who_is_insured_elsewhere_is_told_that_his_appeal_goes_on_there(told: Any) -> None:
    await told.person("admin").put("config", {"careline": 1, "territories": [{"id": "77"}]})
    ticket = await told.agent.register(**CITIZEN, insured_in="77")
    taken = await told.boss.does(ticket, "take")
    await told.boss.does(taken, "forward", text="Moscow answers")
    assert "passed on to the region" in (await notices(told))[-1].message


async def test_a_broken_promise_is_told_once_by_any_number_of_processes(told: Any) -> None:
    import asyncio

    await told.agent.register(**CITIZEN)
    watch = watch_of(told)
    told.clock.advance(MONTHS)
    await asyncio.gather(*(watch.step() for _ in range(4)))
    assert await watch.step() == 0
    assert (await kinds(told)).count("late") == 1


async def test_a_promise_that_was_kept_is_never_told_to_be_broken(told: Any) -> None:
    taken = await told.boss.does(await told.agent.register(**CITIZEN), "take")
    await told.boss.does(taken, "close", outcome="justified", answer="Yes")
    told.clock.advance(MONTHS)
    await watch_of(told).step()
    assert "late" not in await kinds(told)


OTHER = {"person": {"phone": "+79007654321"}, "kind": "complaint"}


async def merged(told: Any, one: dict[str, Any], into: dict[str, Any]) -> None:
    taken = await told.boss.does(one, "take")
    await told.boss.does(taken, "merge", into=into["id"])


async def to_whom(desk: Any, kind: str) -> list[tuple[str, str]]:
    return [(one.contact, one.message) for one in await notices(desk) if one.kind == kind]


async def fresh(desk: Any, ticket: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.boss.get(f"tickets/{ticket['id']}")).json()
    return found


async def test_who_has_two_appeals_that_are_merged_is_told_so_and_of_one_from_then_on(
    told: Any,
) -> None:
    first, second = await told.agent.register(**CITIZEN), await told.agent.register(**CITIZEN)
    await merged(told, second, first)
    [(contact, said)] = await to_whom(told, "merged")
    assert contact == PHONE
    assert (first["number"] in said, second["number"] in said) == (True, True)
    told.clock.advance(MONTHS)
    await watch_of(told).step()
    assert [first["number"] in said for _, said in await to_whom(told, "late")] == [True]
    taken = await told.boss.does(await fresh(told, first), "take")
    await told.boss.does(taken, "close", outcome="justified", answer="Yes")
    assert len(await to_whom(told, "closed")) == 1


async def test_whose_appeal_was_merged_into_anothers_is_told_of_his_own_alone(told: Any) -> None:
    standing, own = await told.agent.register(**CITIZEN), await told.agent.register(**OTHER)
    await merged(told, own, standing)
    assert await to_whom(told, "merged") == []
    taken = await told.boss.does(await fresh(told, standing), "take")
    await told.boss.does(taken, "extend", days=10, reason="The clinic was asked")
    extended = dict(await to_whom(told, "extended"))
    assert own["number"] in extended["+79007654321"]
    assert "2026-04-11" in extended["+79007654321"]
    told.clock.advance(2 * MONTHS)
    for _ in range(2):
        await watch_of(told).step()
    late = await to_whom(told, "late")
    assert {contact for contact, _ in late} == {PHONE, "+79007654321"}
    assert len(late) == 2
    await told.boss.does(
        await fresh(told, standing), "close", outcome="justified", answer="It is yours"
    )
    closed = dict(await to_whom(told, "closed"))
    assert own["number"] in closed["+79007654321"]
    for contact, said in (await to_whom(told, "closed")) + late:
        foreign = own if contact == PHONE else standing
        assert foreign["number"] not in said


async def test_each_is_held_to_the_day_that_he_was_told_himself(told: Any) -> None:
    """The journal itself goes by the stricter one from the merge on."""
    own = await told.agent.register(**OTHER)
    told.clock.advance(5 * DAY)
    standing = await told.agent.register(**CITIZEN)
    await merged(told, own, standing)
    await told.boss.does(await fresh(told, standing), "take")
    told.clock.advance(26 * DAY)
    await watch_of(told).step()
    assert [contact for contact, _ in await to_whom(told, "late")] == ["+79007654321"]
    told.clock.advance(5 * DAY)
    await watch_of(told).step()
    _, (contact, said) = await to_whom(told, "late")
    assert (contact, standing["number"] in said, "2026-04-06" in said) == (PHONE, True, True)
    for _ in range(2):
        assert await watch_of(told).step() == 0


async def test_one_citizen_of_two_merged_appeals_is_held_to_the_earlier_day(told: Any) -> None:
    own = await told.agent.register(**CITIZEN)
    told.clock.advance(5 * DAY)
    standing = await told.agent.register(**CITIZEN)
    await merged(told, own, standing)
    told.clock.advance(26 * DAY)
    await watch_of(told).step()
    [(_, said)] = await to_whom(told, "late")
    assert (standing["number"] in said, "2026-04-01" in said) == (True, True)
    told.clock.advance(MONTHS)
    assert await watch_of(told).step() == 0


async def test_a_promise_of_who_was_merged_away_is_not_broken_once_it_is_answered(
    told: Any,
) -> None:
    standing, own = await told.agent.register(**CITIZEN), await told.agent.register(**OTHER)
    await merged(told, own, standing)
    taken = await told.boss.does(await fresh(told, standing), "take")
    await told.boss.does(taken, "close", outcome="justified", answer="It is yours")
    told.clock.advance(MONTHS)
    await watch_of(told).step()
    assert await to_whom(told, "late") == []


async def test_one_promise_that_cannot_be_told_holds_up_no_other(
    told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("careline_tickets.noticing.AT_A_TIME", 1)
    broken, other = await told.agent.register(**CITIZEN), await told.agent.register(**OTHER)
    await told.query("UPDATE tickets.ticket SET status = 'unknown' WHERE id = $1", broken["id"])
    told.clock.advance(MONTHS)
    for _ in range(2):
        await watch_of(told).step()
    assert [other["number"] in said for _, said in await to_whom(told, "late")] == [True]
    await told.query("UPDATE tickets.ticket SET status = 'new' WHERE id = $1", broken["id"])
    assert await watch_of(told).step() == 0
    told.clock.advance(TRIED_AGAIN_AFTER.total_seconds())
    await watch_of(told).step()
    assert len(await to_whom(told, "late")) == 2


async def test_a_broken_promise_that_gets_more_time_is_a_promise_again(told: Any) -> None:
    ticket = await told.agent.register(**CITIZEN)
    taken = await told.boss.does(ticket, "take")
    for late in (1, 2):
        told.clock.advance(MONTHS)
        await watch_of(told).step()
        assert (await kinds(told)).count("late") == late
        taken = await told.boss.does(taken, "extend", days=40, reason="It takes longer")
        taken = (await told.boss.get(f"tickets/{ticket['id']}")).json()


async def test_a_promise_that_stands_still_is_not_broken_and_goes_on(told: Any) -> None:
    config = {
        "careline": 1,
        "deadlines": [{"id": "default", "calendar": "c1", "clocks": {"statutory": "30d"}}],
    }
    await told.person("admin").put("config", config)
    ticket = await told.agent.register(**CITIZEN)
    waiting = await told.boss.does(
        await told.boss.does(ticket, "take"), "wait", **{"for": "papers"}
    )
    [row] = await told.query("SELECT due_at FROM tickets.promise")
    stands_still = any(clock["paused"] for clock in waiting["clocks"])
    assert (row["due_at"] is None) == stands_still
    await told.boss.does(waiting, "resume")
    [row] = await told.query("SELECT due_at FROM tickets.promise")
    assert row["due_at"] is not None


class Phone:
    """Somebody who writes SMS."""

    def __init__(self, desk: Any) -> None:
        self._desk = desk
        self._count = 0
        office = desk.service.app.state.office
        self._database = office.database
        journal: Journal = office.journal
        self._sms = SmsDesk(journal)

    async def writes(self, text: str, *, again: bool = False, status: bool = False) -> str:
        if not again:
            self._count += 1
        now = self._desk.clock.now()
        event = MessageReceived(message_id=f"m{self._count}", language="en", received_at=now)
        message = Message(sender=PHONE, text=text, at=now, asks_status=status)
        async with self._database.unit_of_work() as uow:
            return await self._sms.take(uow, event, message)


async def test_an_sms_is_an_appeal_and_the_next_one_is_about_the_same(told: Any) -> None:
    phone = Phone(told)
    assert await phone.writes("They gave me no drugs") == "registered"
    assert await phone.writes("They gave me no drugs", again=True) == "repeated"
    assert await phone.writes("It was the clinic at the market") == "added"
    [row] = await told.query("SELECT id FROM tickets.ticket")
    appeal = (await told.boss.get(f"tickets/{row['id']}")).json()
    assert (appeal["channel"], appeal["person"]["phone"]) == ("sms", PHONE)
    assert [text["text"] for text in appeal["contents"]] == [
        "They gave me no drugs", "It was the clinic at the market",
    ]  # fmt: skip
    told.clock.advance(25 * 3600)
    assert await phone.writes("Now it is something else") == "registered"


async def test_an_sms_to_a_merged_appeal_goes_to_his_own_that_stands_for_it_or_a_linked_one(
    told: Any,
) -> None:
    phone = Phone(told)
    await phone.writes("They gave me no drugs")
    [row] = await told.query("SELECT id FROM tickets.ticket")
    standing = await told.agent.register(**CITIZEN)
    await merged(told, await fresh(told, row), standing)
    assert await phone.writes("It was the clinic") == "added"
    assert (await fresh(told, standing))["contents"][-1]["text"] == "It was the clinic"
    foreign = await told.agent.register(**OTHER)
    await merged(told, await fresh(told, standing), foreign)
    assert await phone.writes("And the doctor") == "registered"
    [new] = await told.query("SELECT id, follows FROM tickets.ticket ORDER BY number DESC LIMIT 1")
    assert new["follows"] == standing["id"]
    texts = [text["text"] for text in (await fresh(told, foreign))["contents"]]
    assert "And the doctor" not in texts
    assert await phone.writes("status", status=True) == "status"
    ((_, said),) = await to_whom(told, "status")
    stands = sorted(line.partition(": ")[2].partition(".")[0] for line in said.splitlines())
    assert stands == ["joined with another one", "joined with another one", "registered"]
    assert foreign["number"] not in said


async def test_who_asks_how_things_stand_is_answered_by_code_or_for_his_number(told: Any) -> None:
    ticket = await told.agent.register(person={"phone": "+79007654321"}, kind="complaint")
    phone = Phone(told)
    code = ticket["tracking_code"].replace("-", " ").lower()
    assert await phone.writes(f"status {code}", status=True) == "status"
    assert await phone.writes("status", status=True) == "status"
    assert await phone.writes("status 0000-0000-0000", status=True) == "status"
    await phone.writes("They gave me no drugs")
    assert await phone.writes("status", status=True) == "status"
    answers = [one for one in await notices(told) if one.kind == "status"]
    assert all(one.contact == PHONE and one.at_once for one in answers)
    said = [one.message for one in answers]
    assert said[0] == f"Appeal {ticket['number']}: registered. We answer by 2026-04-01."
    assert said[1].startswith("We know no open appeal")
    assert said[2].startswith("We know no appeal by this code")
    assert said[3].startswith("Appeal T-2026-000002: registered.")


async def test_a_program_that_asks_without_end_is_not_answered_without_end(told: Any) -> None:
    phone = Phone(told)
    outcomes = [await phone.writes("status", status=True) for _ in range(12)]
    assert outcomes.count("status") == 10
    assert outcomes[-1] == "limited"


async def test_what_somebody_wrote_is_gone_with_him(told: Any) -> None:
    phone = Phone(told)
    await phone.writes("They gave me no drugs")
    [row] = await told.query("SELECT id FROM tickets.ticket")
    appeal = (await told.boss.get(f"tickets/{row['id']}")).json()
    taken = await told.boss.does(appeal, "take")
    await told.boss.does(taken, "close", outcome="justified", answer="Yes")
    await told.person("admin").post("persons/erase", {"phone": PHONE})
    assert await told.query("SELECT * FROM tickets.sms_in") == []


async def test_notices_are_checked_when_they_are_configured(told: Any) -> None:
    admin = told.person("admin")
    for wrong in (
        {"about": []},
        {"about": ["rumours"]},
        {"language": "xx"},
        {"channels": ["post"]},
    ):
        answer = await admin.put("config", {"careline": 1, "notices": wrong})
        assert answer.status_code == 422, answer.text
