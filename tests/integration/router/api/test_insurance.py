"""Insurance records at the agent's desk and in a call's flow: who may look, what is noted, and that no call suffers."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from careline_router.fakes.http_server import FakeServer, Hang, Reply
from careline_router.fakes.records import TOKEN, PlainRecords

pytestmark = pytest.mark.integration

ANNA = {"payer": "insured", "name": "Anna Petrova", "born": "1950-05-09", "policy": "77-123456"}
FIELDS = {"payer": "payer", "name": "name", "birth_date": "born", "policy_number": "policy"}
BY_POLICY = {
    "id": "main",
    "default": {"queue": "adult", "skills": {"adult": 1}},
    "rules": [{"when": "crm.policy_state == 'active'", "queue": "child", "skills": {"child": 1}}],
}


@pytest.fixture
def records() -> PlainRecords:
    return PlainRecords()


@pytest_asyncio.fixture
async def insured(router: Any, crm: Any, records: PlainRecords) -> AsyncIterator[Any]:
    """A router that asks insurance records, and whose callers are verified."""
    crm.people["+79161234567"] = ANNA
    async with FakeServer(crm) as customers, FakeServer(records) as policies:
        document = {
            "careline": 1,
            "crm": {
                "kind": "http", "url": f"{customers.url}/customers/{{phone}}", "deadline_ms": 2000,
                "map": {name: f"$.{field}" for name, field in FIELDS.items()},
            },
            "records": {
                "kind": "http", "url": policies.url, "token": TOKEN, "cache_s": 0, "call_waits_ms": 5000,
            },
            "floor": {"verify_callers": True},
        }  # fmt: skip
        await configure(router, document)
        router.document = document["records"]
        yield router


async def configure(router: Any, document: dict[str, Any]) -> None:
    answer = await router.client.put("/v1/config", json=document, headers=router.admin)
    assert answer.status_code == 200, answer.text


async def looks(router: Any, call_id: str, body: Any = None, agent: str = "a1") -> Any:
    return await router.client.post(
        f"/v1/calls/{call_id}/insurance", json=body, headers=router.agent(agent)
    )


async def verified(router: Any) -> str:
    """A call that a1 has been offered, whose caller has said who he is."""
    await router.ready("a1")
    call_id: str = (await router.arrive("p-9"))["call"]["id"]
    await router.offer("a1")
    answer = await router.client.post(
        f"/v1/calls/{call_id}/verification",
        json={"check": "policy_number", "answer": "3456"},
        headers=router.agent("a1"),
    )
    assert answer.json()["matched"]
    return call_id


async def noted(url: str) -> list[tuple[str, str]]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT who, what FROM router.person_audit ORDER BY id")
    finally:
        await connection.close()
    return [(row["who"], row["what"]) for row in rows if "insurance" in row["what"]]


async def test_who_has_the_call_looks_once_the_caller_is_verified_and_it_is_noted(
    insured, records, database_url
) -> None:
    await insured.ready("a1")
    call_id = (await insured.arrive("p-1"))["call"]["id"]
    await insured.offer("a1")
    early = await looks(insured, call_id)
    assert (early.status_code, early.json()["type"]) == (409, "not-verified")
    assert (await looks(insured, call_id, agent="a2")).status_code == 404
    assert records.looks.asked == []
    assert await noted(database_url) == []
    await insured.tell("call.hung_up", "p-1", by="caller")
    call_id = await verified(insured)
    found = await looks(insured, call_id)
    assert (found.status_code, found.json()) == (
        200,
        {
            "call_id": call_id,
            "status": "found",
            "reason": None,
            "by": ["policy_number"],
            "policies": [
                {
                    "state": "active",
                    "insurer": "ins7",
                    "kind": "voluntary",
                    "valid_until": "2030-12-31",
                    "clinic": "north",
                    "number_ends": "3456",
                }
            ],
        },
    )
    assert await noted(database_url) == [("a1", "insurance records by policy_number")]
    assert records.looks.asked[0].method == "GET"


async def test_what_the_caller_says_goes_before_what_the_crm_knows(
    insured, records, database_url
) -> None:
    call_id = await verified(insured)
    child = {"policy_number": "77-654321", "birth_date": "1981-01-31"}
    found = (await looks(insured, call_id, child)).json()
    assert [each["state"] for each in found["policies"]] == ["lapsed"]
    wrong = (await looks(insured, call_id, {**child, "birth_date": "1981-02-01"})).json()
    assert (wrong["status"], wrong["reason"], wrong["policies"]) == ("unknown", "not_found", [])
    assert not any("654321" in what for _, what in await noted(database_url))
    for body in ({"policy_number": "--"}, {"birth_date": "yesterday"}):
        answer = await looks(insured, call_id, body)
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, *body)


async def test_nobody_looks_through_the_records_during_one_call(insured, records) -> None:
    """Fails when looks at the same time are counted beside each other."""
    call_id = await verified(insured)
    body = [{"policy_number": f"77-{number}"} for number in range(22)]
    answers = await asyncio.gather(*(looks(insured, call_id, each) for each in body))
    assert sorted(answer.status_code for answer in answers) == [200] * 20 + [409] * 2
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["type"] == "too-many-looks"
    assert len(records.looks.asked) == 20


ELSEWHERE = Reply(status=302, headers={"Location": "http://elsewhere.example/"})
ILL = {
    "timeout": Hang(),
    "server_error": Reply(status=500),
    "bad_answer": Reply.json({"error": "the database is away"}),
    "refused": ELSEWHERE,
}


async def test_records_that_do_not_answer_say_why(insured, records) -> None:
    call_id = await verified(insured)
    for reason, fault in ILL.items():
        changed = {**insured.document, "deadline_s": 0.05 if reason == "timeout" else 10}
        await configure(insured, {"careline": 1, "records": changed})
        records.looks.next(fault)
        answer = await looks(insured, call_id)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        assert (answer.json()["type"], answer.json()["reason"]) == ("records-unavailable", reason)
    await configure(insured, {"careline": 1, "records": {"kind": "none"}})
    assert (await looks(insured, call_id)).json()["reason"] == "not_configured"


async def test_of_whom_nothing_is_known_nothing_is_asked(insured, records) -> None:
    await configure(insured, {"careline": 1, "floor": {"verify_callers": False}})
    await insured.ready("a1")
    call_id = (await insured.arrive("p-1", caller="anonymous"))["call"]["id"]
    await insured.offer("a1")
    answer = await looks(insured, call_id)
    assert (answer.status_code, answer.json()["type"]) == (409, "nothing-to-ask-by")
    said = await looks(insured, call_id, {"policy_number": "77-123456"})
    assert [each["clinic"] for each in said.json()["policies"]] == ["north"]
    assert len(records.looks.asked) == 1


async def test_a_flow_that_looks_at_the_policy_has_it_from_the_records(
    insured, records, database_url
) -> None:
    before = (await insured.arrive("p-1"))["call"]
    assert (before["queue"], before["crm"]["records"]) == ("adult", None)
    assert records.looks.asked == []
    for path, body in (("", BY_POLICY), ("/main/publish", {"waiting": "reroute"})):
        answer = await insured.client.post(f"/v1/flows{path}", json=body, headers=insured.admin)
        assert answer.status_code in {200, 201}, answer.text
    assert (await insured.call(before["id"]))["queue"] == "child"  # who waits is asked about too
    call = (await insured.arrive("p-2"))["call"]
    assert (call["queue"], call["insurance"]) == ("child", "voluntary")
    facts = call["crm"]
    assert (facts["status"], facts["records"]) == ("found", "found")
    assert (facts["policy_state"], facts["insurer"]) == ("active", "ins7")
    assert (
        await noted(database_url)
        == [("router", "insurance records by policy_number, for the call's flow")] * 2
    )
    hidden = (await insured.arrive("p-3", caller="anonymous"))["call"]
    assert (hidden["queue"], hidden["crm"]["records"]) == ("adult", None)


async def test_no_call_waits_for_records_that_are_ill(insured, records) -> None:
    await configure(insured, {"careline": 1, "flows": [BY_POLICY]})
    for place, (reason, fault) in enumerate(ILL.items()):
        waits = 20 if reason == "timeout" else 5000
        entry = {**insured.document, "call_waits_ms": waits}
        await configure(insured, {"careline": 1, "records": entry})
        records.looks.next(fault)
        call = (await insured.arrive(f"p-{place}"))["call"]
        assert (call["queue"], call["state"]) == ("adult", "queued")
        assert (call["crm"]["status"], call["crm"]["records"]) == ("found", reason)
