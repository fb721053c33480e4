"""The floor, live: queues, agents and their configuration."""

import pytest

pytestmark = pytest.mark.integration

INTERVAL = {
    "offered", "answered", "abandoned", "in_target", "sl_offered_pct", "sl_short_abandon_pct",
    "asa_s", "aht_s", "lcr_pct", "p95_s", "p99_s", "occupancy_pct",
}  # fmt: skip


async def test_queues_tell_who_waits_and_who_works(router):
    await router.ready("a2")
    await router.arrive()
    router.clock.advance(7)
    answer = await router.client.get("/v1/queues", headers=router.admin)
    queues = {queue["id"]: queue for queue in answer.json()["items"]}
    assert set(queues) == {"adult", "child"}
    assert queues["adult"]["waiting"] == 1
    assert queues["adult"]["oldest_wait_s"] == pytest.approx(7)
    assert queues["child"]["oldest_wait_s"] is None
    assert queues["child"]["agents"]["ready"] == 1
    assert set(queues["adult"]) >= INTERVAL
    assert queues["child"]["asa_s"] is None


async def test_the_figures_since_midnight_count_what_happened(router):
    await router.connect()
    await router.tell("call.hung_up", "p-1", by="caller")
    await router.arrive("p-2")
    await router.tell("call.hung_up", "p-2", by="caller")
    answer = await router.client.get("/v1/queues", headers=router.admin)
    adult = next(queue for queue in answer.json()["items"] if queue["id"] == "adult")
    assert (adult["offered"], adult["answered"], adult["abandoned"]) == (2, 1, 1)
    assert adult["sl_offered_pct"] == pytest.approx(50)
    assert adult["lcr_pct"] == pytest.approx(50)


async def test_supervisors_see_their_own_agents(shared_router):
    for who, seen in (
        (shared_router.admin, {"a1", "a2", "waker"}),
        (shared_router.floor, {"a1", "a2", "waker"}),
        (shared_router.bearer("sup1", "supervisor"), {"a1"}),
        (shared_router.bearer("sup2", "supervisor"), {"a2"}),
        (shared_router.bearer("sup9", "supervisor"), set()),
    ):
        answer = await shared_router.client.get("/v1/agents", headers=who)
        assert {agent["id"] for agent in answer.json()["items"]} == seen


@pytest.mark.parametrize("what", ["agents", "queues", "flows"])
async def test_the_floor_is_listed_by_pages(shared_router, what):
    async def listed(**params):
        answer = await shared_router.client.get(
            f"/v1/{what}", params=params, headers=shared_router.admin
        )
        return answer.status_code, answer.json()

    status, whole = await listed()
    assert (status, whole["next"]) == (200, None)
    names, cursor = [], {}
    for _ in whole["items"]:
        status, page = await listed(limit=1, **cursor)
        names += [item["id"] for item in page["items"]]
        cursor = {"cursor": page["next"]}
    assert page["next"] is None
    assert names == [item["id"] for item in whole["items"]] == sorted(names)
    for wrong in ({"limit": 0}, {"limit": 201}, {"cursor": "none"}):
        status, problem = await listed(**wrong)
        assert (status, [fault["path"] for fault in problem["errors"]]) == (422, [*wrong])


async def test_supervisors_steer_their_own_agents(router):
    await router.client.post("/v1/agents/me/session", headers=router.agent())
    order = {"state": "ready"}
    answer = await router.client.put(
        "/v1/agents/a1/state", json=order, headers=router.bearer("sup2", "supervisor")
    )
    assert answer.status_code == 403
    answer = await router.client.put(
        "/v1/agents/a1/state", json=order, headers=router.bearer("sup1", "supervisor")
    )
    assert (answer.status_code, answer.json()["state"]) == (200, "ready")
    answer = await router.client.put(
        "/v1/agents/a1/state", json={"state": "logged_out"}, headers=router.floor
    )
    assert (answer.status_code, answer.json()["state"]) == (200, "logged_out")
    answer = await router.client.put("/v1/agents/nobody/state", json=order, headers=router.floor)
    assert answer.status_code == 404


async def test_a_queue_is_made_and_changed(router):
    entry = {"id": "expert", "target_s": 30}
    answer = await router.client.put("/v1/queues/expert", json=entry, headers=router.admin)
    assert answer.status_code == 201
    tag = answer.headers["etag"]
    answer = await router.client.put("/v1/queues/expert", json=entry, headers=router.admin)
    assert answer.status_code == 428
    answer = await router.client.put(
        "/v1/queues/expert",
        json=entry | {"target_s": 40},
        headers={**router.admin, "If-Match": tag},
    )
    assert answer.status_code == 200
    answer = await router.client.put(
        "/v1/queues/expert", json=entry, headers={**router.admin, "If-Match": tag}
    )
    assert answer.status_code == 412
    queues = await router.client.get("/v1/queues", headers=router.admin)
    assert "expert" in {queue["id"] for queue in queues.json()["items"]}


async def test_an_agent_is_made_and_can_work(router):
    entry = {"id": "a3", "team": "t1", "skills": {"adult": 3}, "endpoint": "PJSIP/a3"}
    answer = await router.client.put("/v1/agents/a3", json=entry, headers=router.admin)
    assert answer.status_code == 201, answer.text
    await router.ready("a3")
    await router.arrive()
    assert (await router.offer("a3"))["queue"] == "adult"


async def test_a_calendar_is_kept_and_read(router):
    answer = await router.client.get("/v1/calendars/c1", headers=router.admin)
    assert answer.json()["zone"] == "Europe/Moscow"
    entry = {"id": "c2", "zone": "Asia/Tehran", "weekly": {"sat": ["08:00-16:00"]}}
    answer = await router.client.put("/v1/calendars/c2", json=entry, headers=router.admin)
    assert answer.status_code == 201
    answer = await router.client.put(
        "/v1/calendars/c3", json=entry | {"id": "c3", "zone": "Mars/Base"}, headers=router.admin
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "zone"


async def test_a_wrong_configuration_changes_nothing(shared_router):
    document = {"careline": 1, "queues": [{"id": "new"}, {"id": "bad", "target_s": "soon"}]}
    answer = await shared_router.client.put(
        "/v1/config", json=document, headers=shared_router.admin
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "queues[1].target_s"
    queues = await shared_router.client.get("/v1/queues", headers=shared_router.admin)
    assert {queue["id"] for queue in queues.json()["items"]} == {"adult", "child"}


async def test_the_operations_answer(shared_router):
    for path in ("/healthz", "/readyz", "/leaderz", "/metrics", "/openapi.json"):
        assert (await shared_router.client.get(path)).status_code == 200


async def test_a_router_that_does_not_lead_says_so(router, start, open_socket_at):
    async with start(leads=False) as standby:
        assert (await standby.client.get("/leaderz")).status_code == 503
        assert (await standby.client.get("/readyz")).status_code == 503
        answer = await standby.client.post("/v1/agents/me/session", headers=standby.agent())
        assert (answer.status_code, answer.json()["type"]) == (503, "not-ready")
        event = standby.event("call.arrived", "p-1", caller="+79161234567", line="+74950000001")
        assert (await standby.post_event(event)).status_code == 503
        assert await open_socket_at(standby) == 503
    assert (await router.client.get("/leaderz")).status_code == 200


async def configured(router, **sections):
    return await router.client.put(
        "/v1/config", json={"careline": 1, **sections}, headers=router.admin
    )


async def test_the_floor_routes_by_the_policy_and_the_sites_it_is_configured_with(router):
    flow = {"id": "main", "default": {"queue": "adult", "skills": {"adult": 1}, "site": "spb"}}
    away = {"id": "a9", "site": "spb", "skills": {"adult": 1}, "endpoint": "PJSIP/a9"}
    answer = await configured(router, floor={"policy": "leastrecent"}, flows=[flow], agents=[away])
    assert answer.status_code == 200, answer.text
    await router.ready("a1")
    await router.ready("a9")
    told = await router.arrive()
    answer = await router.client.get(
        f"/v1/calls/{told['call']['id']}/decisions", headers=router.floor
    )
    (decision,) = answer.json()["items"]
    assert (decision["policy"], decision["chosen"]) == ("leastrecent", "a9")
    assert "site:spb" in {group.get("removed_by") for group in decision["groups"]}


async def test_a_recipe_lets_a_call_need_less_the_longer_it_waits(router):
    queue = {"id": "adult", "recipe": [{"after_s": 20, "drop_skills": ["adult"]}]}
    assert (await configured(router, queues=[queue])).status_code == 200
    await router.ready("a2")
    await router.arrive()
    assert (await router.me("a2"))["offer"] is None
    await router.advance(21)
    assert await router.offer("a2")


async def test_a_policy_that_is_none_is_refused_with_those_that_there_are(router):
    answer = await configured(router, floor={"policy": "best"})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["path"] == "floor.policy"
    assert "careline" in error["reason"]
