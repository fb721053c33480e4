"""A person's data at the router: given to him, and erased from calls that are over."""

import asyncpg
import pytest

pytestmark = pytest.mark.integration

CALLER = "+79161234567"
OTHER = "+79167654321"


async def asked(router, what):
    answer = await router.client.post(
        f"/v1/persons/{what}", json={"phone": CALLER}, headers=router.admin
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_calls_that_are_over_lose_him_and_one_under_way_when_it_is_over(
    router, database_url
) -> None:
    first = (await router.arrive("p-1", caller=CALLER))["call"]
    await router.tell("call.hung_up", "p-1", by="caller")
    under_way = (await router.arrive("p-2", caller=CALLER))["call"]
    other = (await router.arrive("p-3", caller=OTHER))["call"]
    told = await asked(router, "export")
    assert [call["id"] for call in told["calls"]] == [first["id"], under_way["id"]]
    done = await asked(router, "erase")
    assert (done["erased"], done["calls"]) == (True, 1)
    assert done["kept"][0]["what"] == f"call {under_way['id']}"
    await router.tell("call.hung_up", "p-2", by="caller")
    assert (await asked(router, "erase"))["calls"] == 1
    assert await asked(router, "export") == {"phone": CALLER, "known": False, "calls": []}
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        phones = await connection.fetch("SELECT phone FROM router.call_contact")
        noted = await connection.fetch("SELECT what, call_ids FROM router.person_audit ORDER BY id")
    finally:
        await connection.close()
    assert [row["phone"] for row in phones] == [OTHER]
    assert [tuple(row) for row in noted][:2] == [
        ("person.export", [first["id"], under_way["id"]]),
        ("person.erase", [first["id"]]),
    ]
    assert (await router.call(first["id"]))["caller"] is None
    assert (await router.call(other["id"], router.floor))["caller"] == OTHER


async def test_what_is_said_of_him_after_he_was_erased_is_kept_nowhere(
    router, database_url
) -> None:
    """Fails when notes make a row anew that no search by his number finds any more."""
    call = await router.connect("p-1", caller=CALLER)
    await router.tell("call.hung_up", "p-1", by="caller")
    assert (await asked(router, "erase"))["calls"] == 1
    card = await router.client.get(f"/v1/calls/{call['id']}/customer", headers=router.agent("a1"))
    assert (card.status_code, card.json()["caller"]) == (200, None)
    answer = await router.client.post(
        f"/v1/calls/{call['id']}/wrap-up",
        json={"disposition": "solved", "resolved": True, "notes": "his daughter is called Vera"},
        headers=router.agent("a1"),
    )
    assert answer.status_code == 200, answer.text
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetch("SELECT * FROM router.call_contact") == []
    finally:
        await connection.close()
