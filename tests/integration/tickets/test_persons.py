"""A person's data in the journal: given to him, erased at once or once his appeal is closed."""

import pytest

from careline_tickets import erasing
from careline_tickets.db.verify import verify_chain

pytestmark = pytest.mark.integration

PHONE = "+79031234567"
HIM = {"phone": PHONE, "name": "Пётр Иванов", "policy_number": "46-1234"}
OTHER = {"phone": "+79037654321", "name": "Анна"}


async def everything(desk) -> str:
    tables = await desk.query(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'tickets'"
    )
    rows = []
    for table in tables:
        rows += await desk.query(f'SELECT t::text AS row FROM tickets."{table["table_name"]}" t')
    return "\n".join(row["row"] for row in rows)


async def test_he_gets_all_his_appeals_and_nobody_elses(desk) -> None:
    mine = await desk.agent.register(person=HIM, text="Мне отказали в приёме")
    await desk.agent.register(person=OTHER, text="Когда приём?")
    told = (await desk.boss.post("persons/export", {"phone": "+7 903 123-45-67"})).json()
    [appeal] = told["appeals"]
    assert (told["phone"], told["known"], appeal["id"]) == (PHONE, True, mine["id"])
    assert (appeal["name"], appeal["policy_number"]) == ("Пётр Иванов", "46-1234")
    assert [text["text"] for text in appeal["texts"]] == ["Мне отказали в приёме"]
    [noted] = await desk.query("SELECT * FROM tickets.audit WHERE what = 'person.export'")
    assert (noted["who"], noted["ticket_id"]) == ("boss", mine["id"])


async def test_a_closed_appeal_loses_him_at_once_and_its_history_holds(desk) -> None:
    closed = await desk.agent.register(
        person=HIM, text="Мне отказали", close={"answer": "Пётр, приём с 9"}
    )
    other = await desk.agent.register(person=OTHER, text="Когда приём?")
    done = (await desk.boss.post("persons/erase", {"phone": PHONE})).json()
    assert (done["erased"], done["appeals"], done["texts"]) == (True, 1, 2)
    assert not [kept for kept in done["kept"] if kept["what"].startswith("appeal")]
    left = await everything(desk)
    for mark in (PHONE, "Иванов", "46-1234", "Мне отказали", "Пётр"):
        assert mark not in left, mark
    assert "Когда приём?" in left
    report = await verify_chain(desk.service.app.state.office.database)
    assert report.holds
    shown = (await desk.boss.get(f"tickets/{closed['id']}")).json()
    assert (shown["status"], shown["text"]) == ("closed", None)
    assert (await desk.boss.get(f"tickets/{other['id']}")).json()["text"] == "Когда приём?"
    again = (await desk.boss.post("persons/erase", {"phone": PHONE})).json()
    assert (again["erased"], again["appeals"], again["texts"]) == (False, 0, 0)


async def test_an_open_appeal_keeps_him_until_it_is_closed_and_then_loses_him_by_itself(
    desk,
) -> None:
    opened = await desk.agent.register(person=HIM, text="Мне отказали")
    done = (await desk.boss.post("persons/erase", {"phone": PHONE})).json()
    [kept] = [kept for kept in done["kept"] if kept["what"].startswith("appeal")]
    assert (done["erased"], kept["what"]) == (False, f"appeal {opened['number']}")
    assert kept["until"] == opened["due_at"]
    assert "open" in kept["why"]
    database = desk.service.app.state.office.database
    assert await erasing.finish(database) == 0
    assert PHONE in await everything(desk)
    taken = await desk.agent.does(opened, "take")
    await desk.agent.does(taken, "close", outcome="information", answer="Приём с 9")
    assert await erasing.finish(database) == 1
    left = await everything(desk)
    for mark in (PHONE, "Иванов", "Мне отказали"):
        assert mark not in left, mark
    assert await erasing.finish(database) == 0


async def test_an_appeal_merged_into_an_open_one_is_needed_as_long_as_that(desk) -> None:
    first = await desk.agent.register(person=HIM, text="Мне отказали")
    second = await desk.agent.register(person=HIM, text="Мне опять отказали")
    taken = await desk.boss.does(second, "take")
    await desk.boss.does(taken, "merge", into=first["id"])
    done = (await desk.boss.post("persons/erase", {"phone": PHONE})).json()
    assert done["appeals"] == 0
    database = desk.service.app.state.office.database
    assert await erasing.finish(database) == 0
    taken = await desk.agent.does(first, "take")
    await desk.agent.does(taken, "close", outcome="information", answer="Приём с 9")
    assert await erasing.finish(database) == 2


@pytest.mark.parametrize("what", ["export", "erase"])
async def test_only_who_keeps_persons_may_and_only_by_a_number(desk, what) -> None:
    for somebody in (desk.agent, desk.specialist, desk.insurer):
        assert (await somebody.post(f"persons/{what}", {"phone": PHONE})).status_code == 403
    assert (await desk.nobody.post(f"persons/{what}", {"phone": PHONE})).status_code == 401
    refused = await desk.boss.post(f"persons/{what}", {"phone": "12"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["path"] == "phone"
