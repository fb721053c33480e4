"""Calls: read, explained, moved; and who sees the caller's number."""

import asyncpg
import pytest

pytestmark = pytest.mark.integration

CALLER = "+79161234567"
FIELDS = {
    "id", "pbx", "pbx_call_id", "caller", "line", "queue", "payer", "insurance", "priority", "state",
    "arrived_at", "queued_at", "answered_at", "ended_at", "agent", "outcome", "crm", "recording",
}  # fmt: skip


async def test_a_call_shows_every_field(router):
    told = await router.arrive()
    call = await router.call(told["call"]["id"])
    assert set(call) >= FIELDS
    assert call["arrived_at"] == "2026-03-02T09:00:00Z"
    assert call["crm"]["status"] in {"found", "unknown", "timed_out", "failed"}
    assert call["line"] == "+74950000001"


async def test_a_call_is_found_by_the_id_of_its_pbx(router):
    told = await router.tell("call.arrived", "node/7.1", caller=CALLER, line="+74950000001")
    answer = await router.client.get("/v1/calls/by-pbx/pbx1/node/7.1", headers=router.floor)
    assert answer.json()["id"] == told["call"]["id"]
    answer = await router.client.get("/v1/calls/by-pbx/pbx2/node/7.1", headers=router.floor)
    assert (answer.status_code, answer.json()["type"]) == (404, "unknown-call")


async def test_a_pbx_finds_its_own_calls_only(router):
    await router.arrive()
    answer = await router.client.get("/v1/calls/by-pbx/pbx1/p-1", headers=router.pbx)
    assert answer.status_code == 200
    assert answer.json()["caller"] is None
    other = router.bearer("pbx2", "pbx", pbx="pbx2")
    answer = await router.client.get("/v1/calls/by-pbx/pbx1/p-1", headers=other)
    assert answer.status_code == 403


async def test_an_unknown_call_is_not_found(shared_router):
    answer = await shared_router.client.get("/v1/calls/none", headers=shared_router.floor)
    assert (answer.status_code, answer.json()["type"]) == (404, "unknown-call")
    answer = await shared_router.client.get("/v1/calls/none/decisions", headers=shared_router.floor)
    assert answer.status_code == 404


async def test_the_number_stands_for_the_agent_and_his_supervisor_alone(router):
    call = await router.connect()
    for who, caller in (
        (router.agent("a1"), CALLER),
        (router.agent("a2"), None),
        (router.bearer("sup1", "supervisor"), CALLER),
        (router.bearer("sup2", "supervisor"), None),
        (router.bearer("boss", "supervisor", "floor"), CALLER),
        (router.bearer("root", "admin"), None),
        (router.bearer("q", "quality"), None),
        (router.bearer("x", "auditor"), None),
        (router.bearer("tickets", "service"), None),
    ):
        assert (await router.call(call["id"], who))["caller"] == caller
        answer = await router.client.get("/v1/calls/by-pbx/pbx1/p-1", headers=who)
        assert answer.json()["caller"] == caller


async def test_a_waiting_calls_number_stands_for_the_floor_alone(router):
    told = await router.arrive()
    for who, caller in (
        (router.bearer("sup1", "supervisor"), None),
        (router.floor, CALLER),
        (router.admin, None),
    ):
        assert (await router.call(told["call"]["id"], who))["caller"] == caller


async def test_no_answer_about_the_floor_tells_a_number_to_the_wrong_person(router):
    await router.connect()
    for path in ("/v1/calls", "/v1/agents", "/v1/queues"):
        answer = await router.client.get(path, headers=router.admin)
        assert answer.status_code == 200
        assert CALLER not in answer.text


async def test_calls_are_listed_newest_first_page_by_page(router):
    for number in range(5):
        await router.arrive(f"p-{number}")
        router.clock.advance(1)
    seen, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = await router.client.get("/v1/calls", params=params, headers=router.floor)
        page = answer.json()
        assert len(page["items"]) <= 2
        seen += [call["pbx_call_id"] for call in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["p-4", "p-3", "p-2", "p-1", "p-0"]


async def test_calls_are_narrowed_by_state_and_queue(router):
    await router.arrive("p-1")
    await router.arrive("p-2", line="+74950000002")
    await router.arrive("p-3")
    await router.tell("call.hung_up", "p-3", by="caller")

    async def found(**params):
        answer = await router.client.get("/v1/calls", params=params, headers=router.floor)
        assert answer.status_code == 200, answer.text
        return sorted(call["pbx_call_id"] for call in answer.json()["items"])

    assert await found(state="queued") == ["p-1", "p-2"]
    assert await found(queue="child") == ["p-2"]
    assert await found(state="ended", queue="adult") == ["p-3"]
    assert await found(queue="none") == []


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"state": "sleeping"}, "state"),
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"limit": "all"}, "limit"),
        ({"cursor": "made-up"}, "cursor"),
    ],
)
async def test_a_wrong_parameter_is_named(shared_router, params, path):
    answer = await shared_router.client.get("/v1/calls", params=params, headers=shared_router.floor)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == path


async def test_agents_and_supervisors_list_their_own(router):
    await router.connect("p-1")
    for who, count in (
        (router.agent("a1"), 1),
        (router.agent("a2"), 0),
        (router.bearer("sup1", "supervisor"), 1),
        (router.bearer("sup2", "supervisor"), 0),
        (router.admin, 1),
    ):
        answer = await router.client.get("/v1/calls", headers=who)
        assert len(answer.json()["items"]) == count


async def test_every_offer_is_explained(router):
    await router.ready()
    told = await router.arrive()
    offer = await router.offer()
    answer = await router.client.get(
        f"/v1/calls/{told['call']['id']}/decisions", headers=router.floor
    )
    (decision,) = answer.json()["items"]
    assert decision["offer_id"] == offer["id"]
    assert decision["chosen"] == "a1"
    assert decision["agents"]
    assert {"at", "flow_version", "policy", "groups", "took_us", "crm"} <= set(decision)
    assert {"signature", "idle"} <= set(decision["groups"][0])
    assert decision["rule"] == "policy"


async def test_a_decision_tells_among_which_calls_the_agent_was_given_one(router):
    await router.arrive("p-1")
    router.clock.advance(30)
    second = await router.arrive("p-2", caller="+79167654321")
    answer = await router.client.post(
        f"/v1/calls/{second['call']['id']}/priority",
        json={"priority": "cash"},
        headers=router.floor,
    )
    assert answer.status_code == 200, answer.text
    await router.ready()
    call_id = (await router.offer())["call_id"]
    answer = await router.client.get(f"/v1/calls/{call_id}/decisions", headers=router.floor)
    (decision,) = answer.json()["items"]
    among = {(call["priority"], call["wait_s"]) for call in decision["calls"]}
    assert among == {("insured", 30.0), ("cash", 0.0)}
    assert all({"queue", "priority", "wait_s", "score"} == set(call) for call in decision["calls"])


async def test_a_decision_is_explained_for_everybody(router):
    async def everybody(call_id):
        answer = await router.client.get(
            f"/v1/calls/{call_id}/decisions", params={"expand": "agents"}, headers=router.floor
        )
        assert answer.status_code == 200, answer.text
        return [
            {agent["id"]: (agent["state"], agent["why"]) for agent in item["agents"]}
            for item in answer.json()["items"]
        ]

    await router.ready("a2")
    await router.ready("a1")
    first = (await router.arrive())["call"]["id"]
    told = {"a1": ("ready", None), "a2": ("ready", "skill:adult"), "waker": (None, "skill:adult")}
    assert await everybody(first) == [told]
    offer = await router.offer()
    answer = await router.client.post(
        f"/v1/offers/{offer['id']}/reject", json={}, headers=router.agent()
    )
    assert answer.status_code == 200
    answer = await router.client.post(
        f"/v1/calls/{first}/move", json={"queue": "child"}, headers=router.floor
    )
    second = {"a1": ("ready", "skill:child"), "a2": ("ready", None), "waker": (None, "skill:child")}
    assert await everybody(first) == [told, second]


async def test_a_decision_of_which_the_journal_is_gone_is_not_expanded(router, database_url):
    await router.ready()
    call_id = (await router.arrive())["call"]["id"]
    connection = await asyncpg.connect(database_url)
    await connection.execute("DELETE FROM router.journal")
    await connection.close()
    path = f"/v1/calls/{call_id}/decisions"
    answer = await router.client.get(path, params={"expand": "agents"}, headers=router.floor)
    assert (answer.status_code, answer.json()["type"]) == (409, "journal-gone")
    assert (await router.client.get(path, headers=router.floor)).status_code == 200


async def test_a_waiting_call_is_moved_and_reordered(router):
    told = await router.arrive()
    call_id = told["call"]["id"]
    answer = await router.client.post(
        f"/v1/calls/{call_id}/move", json={"queue": "child"}, headers=router.floor
    )
    assert (answer.status_code, answer.json()["queue"]) == (200, "child")
    assert answer.json()["queued_at"] == told["call"]["queued_at"]
    answer = await router.client.post(
        f"/v1/calls/{call_id}/priority", json={"priority": "emergency"}, headers=router.floor
    )
    assert (answer.status_code, answer.json()["priority"]) == (200, "emergency")


async def test_a_supervisor_steers_what_his_own_teams_can_serve(router):
    told = await router.arrive()
    path = f"/v1/calls/{told['call']['id']}/priority"
    for who, status in (("sup2", 403), ("sup1", 200)):
        answer = await router.client.post(
            path, json={"priority": "vip"}, headers=router.bearer(who, "supervisor")
        )
        assert answer.status_code == status, answer.text


async def test_only_a_waiting_call_is_moved(router):
    call = await router.connect()
    answer = await router.client.post(
        f"/v1/calls/{call['id']}/move", json={"queue": "child"}, headers=router.floor
    )
    assert answer.status_code == 409


async def test_a_call_is_not_moved_to_a_queue_that_is_none(router):
    told = await router.arrive()
    answer = await router.client.post(
        f"/v1/calls/{told['call']['id']}/move", json={"queue": "none"}, headers=router.floor
    )
    assert answer.status_code in {404, 422}
    for body, path in (({}, "queue"), ({"queue": 1}, "queue")):
        answer = await router.client.post(
            f"/v1/calls/{told['call']['id']}/move", json=body, headers=router.floor
        )
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["path"] == path
