"""The customer card: for whom it opens, what it holds back, and that every look is noted."""

import asyncio
from typing import Any

import asyncpg
import pytest

from careline_router.fakes.http_server import FakeServer

pytestmark = pytest.mark.integration

BORN = {
    "payer": "cash", "name": "Anna Petrova", "needs": ["dialect"], "born": "1950-05-09",
    "policy": "77-123456", "insurer": "ins7", "state": "active",
}  # fmt: skip
FIELDS = {
    "payer": "payer", "name": "name", "needs": "needs", "birth_date": "born", "policy_number": "policy",
    "insurer": "insurer", "policy_state": "state",
}  # fmt: skip


@pytest.fixture
async def verifying(router, crm):
    crm.people["+79161234567"] = BORN
    async with FakeServer(crm) as server:
        entry = {
            "kind": "http", "url": f"{server.url}/customers/{{phone}}", "deadline_ms": 2000,
            "map": {name: f"$.{field}" for name, field in FIELDS.items()},
        }  # fmt: skip
        answer = await router.client.put(
            "/v1/config",
            json={"careline": 1, "crm": entry, "floor": {"verify_callers": True}},
            headers=router.admin,
        )
        assert answer.status_code == 200, answer.text
        yield router


async def card(router: Any, call_id: str, agent: str = "a1") -> Any:
    return await router.client.get(f"/v1/calls/{call_id}/customer", headers=router.agent(agent))


async def says(router: Any, call_id: str, check: str, answer: str) -> Any:
    return await router.client.post(
        f"/v1/calls/{call_id}/verification",
        json={"check": check, "answer": answer},
        headers=router.agent("a1"),
    )


async def test_a_name_is_shown_once_he_has_said_who_he_is_and_every_look_is_noted(
    verifying, database_url
) -> None:
    await verifying.ready("a1")
    call_id = (await verifying.arrive("p-1"))["call"]["id"]
    offer = await verifying.offer("a1")
    assert offer["customer"]["name"] is None
    shown = (await card(verifying, call_id)).json()
    assert (shown["name"], shown["verified"], shown["payer"]) == (None, False, "cash")
    assert (shown["needs"], shown["questions"]) == (["dialect"], ["birth_date", "policy_number"])
    assert (shown["appeals"], shown["insurer"], shown["policy_state"]) == (None, None, None)
    assert (offer["customer"]["insurer"], offer["customer"]["policy_state"]) == (None, None)
    assert not {"09051950", "1950-05-09", "3456"} & set(map(str, shown.values()))
    for agent in ("a2", "waker"):
        assert (await card(verifying, call_id, agent)).status_code == 404
    told = (await says(verifying, call_id, "birth_date", "10.05.1950")).json()
    assert (told["matched"], told["name"]) == (False, None)
    told = (await says(verifying, call_id, "policy_number", "3456")).json()
    assert (told["matched"], told["name"], told["verified"]) == (True, "Anna Petrova", True)
    assert told["appeals"] == {"open": 0, "last": None}
    assert (told["insurer"], told["policy_state"]) == ("ins7", "active")
    dressed = (await verifying.offer("a1"))["customer"]
    assert (dressed["name"], dressed["policy_state"]) == ("Anna Petrova", "active")
    connection = await asyncpg.connect(database_url)
    try:
        noted = await connection.fetch("SELECT who, what FROM router.person_audit ORDER BY id")
        kept = await connection.fetchval("SELECT attributes::text FROM router.call_contact")
    finally:
        await connection.close()
    assert [(row["who"], row["what"]) for row in noted] == [
        ("a1", "customer shown with the offer"),
        ("a1", "customer card"),
        ("a1", "verification by birth_date: failed"),
        ("a1", "verification by policy_number: matched"),
    ]
    assert "1950" not in kept


async def test_he_is_asked_five_times_at_most(verifying) -> None:
    await verifying.ready("a1")
    call_id = (await verifying.arrive("p-1"))["call"]["id"]
    await verifying.offer("a1")
    for _ in range(5):
        assert (await says(verifying, call_id, "birth_date", "01011901")).json()["matched"] is False
    answer = await says(verifying, call_id, "birth_date", "09051950")
    assert (answer.status_code, answer.json()["type"]) == (409, "too-many-tries")


async def test_looks_at_the_same_time_take_no_try_back(verifying) -> None:
    """Fails when a look that began before a try, and asked for his appeals, writes over it."""
    await verifying.ready("a1")
    call_id = (await verifying.arrive("p-1"))["call"]["id"]
    await verifying.offer("a1")
    wrong = [says(verifying, call_id, "birth_date", "01011901") for _ in range(5)]
    await asyncio.gather(*(card(verifying, call_id) for _ in range(5)), *wrong)
    answer = await says(verifying, call_id, "birth_date", "09051950")
    assert (answer.status_code, answer.json()["type"]) == (409, "too-many-tries")


async def test_of_whom_nothing_is_known_nothing_can_be_asked(verifying) -> None:
    await verifying.ready("a1")
    call_id = (await verifying.arrive("p-1", caller="+79160000000"))["call"]["id"]
    await verifying.offer("a1")
    answer = await says(verifying, call_id, "birth_date", "09051950")
    assert (answer.status_code, answer.json()["type"]) == (409, "nothing-to-verify")
