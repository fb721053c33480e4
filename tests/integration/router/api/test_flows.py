"""Flows from a draft to calls: checked, tried, published, taken back."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.integration

LINE = "+74950000001"
DRAFT: dict[str, Any] = {
    "id": "main",
    "default": {"queue": "adult", "skills": {"adult": 1}},
    "rules": [
        {
            "when": "ivr.key == '2' && crm.payer == 'cash'",
            "queue": "child", "skills": {"child": 1}, "priority": "vip",
        }
    ],
}  # fmt: skip


async def post(router: Any, path: str, body: Any = None, **headers: str) -> Any:
    who = headers.pop("who", None) or router.admin
    return await router.client.post(f"/v1/flows{path}", json=body, headers={**who, **headers})


async def drafted(router: Any, **changed: Any) -> dict[str, Any]:
    answer = await post(router, "", {**DRAFT, **changed})
    assert answer.status_code == 201, answer.text
    state: dict[str, Any] = answer.json()
    return state


async def queue_of_a_call(router: Any, **arrival: Any) -> str:
    call_id = f"q-{next(router.numbers)}"
    told = await router.tell("call.arrived", call_id, caller="+79167654321", line=LINE, **arrival)
    queue: str = told["call"]["queue"]
    return queue


async def test_a_draft_sends_calls_once_it_is_published_and_no_more_once_it_is_rolled_back(
    router, start
) -> None:
    waiting = (await router.arrive("w-1"))["call"]["id"]
    state = await drafted(router, default={"queue": "child", "skills": {"child": 1}})
    assert (state["state"], state["version"], state["draft"]["number"]) == ("draft", 1, 1)
    assert await queue_of_a_call(router) == "adult"
    answer = await post(router, "/main/publish")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["state"], answer.json()["version"]) == ("published", 2)
    assert await queue_of_a_call(router) == "child"
    assert (await router.call(waiting))["queue"] == "adult"
    answer = await post(router, "/main/rollback")
    assert [each["how"] for each in answer.json()["history"]] == ["rollback", "publish", "apply"]
    assert answer.json()["history"][0]["restores"] == 1
    assert await queue_of_a_call(router) == "adult"
    answer = await post(router, "/main/rollback")
    assert (answer.status_code, answer.json()["type"]) == (409, "nothing-earlier")
    answer = await post(router, "/main/rollback", {"version": 2})
    assert answer.status_code == 200
    await router.stop()
    async with start() as again:
        assert await queue_of_a_call(again) == "child"
        kept = await again.client.get("/v1/flows/main", headers=again.admin)
        assert [each["version"] for each in kept.json()["history"]] == [4, 3, 2, 1]
        assert kept.json()["history"][0]["by"] == "root"


async def test_what_is_applied_is_a_version_and_overtakes_the_drafts_before_it(router) -> None:
    """Fails when a draft replaces what nobody saw when it was made."""
    await drafted(router)
    flow = {"id": "main", "default": {"queue": "child", "skills": {"child": 1}}}
    applied = {"careline": 1, "flows": [flow]}
    answer = await router.client.put("/v1/config", json=applied, headers=router.admin)
    assert answer.status_code == 200, answer.text
    answer = await post(router, "/main/publish")
    assert (answer.status_code, answer.json()["type"]) == (409, "flow-moved-on")
    state = (await router.client.get("/v1/flows/main", headers=router.admin)).json()
    assert [(each["how"], each["by"]) for each in state["history"]] == [
        ("apply", "root"),
        ("apply", "root"),
    ]
    await drafted(router)
    assert (await post(router, "/main/publish")).status_code == 200
    answer = await post(router, "/main/publish")
    assert (answer.status_code, answer.json()["type"]) == (409, "nothing-to-publish")


async def test_who_has_seen_another_state_publishes_nothing(router) -> None:
    first = await post(router, "", DRAFT)
    await drafted(router, default={"queue": "child", "skills": {"child": 1}})
    answer = await post(router, "/main/publish", **{"If-Match": first.headers["ETag"]})
    assert answer.status_code == 412
    assert await queue_of_a_call(router) == "adult"
    seen = await router.client.get("/v1/flows/main", headers=router.admin)
    answer = await post(router, "/main/publish", {"draft": 1}, **{"If-Match": seen.headers["ETag"]})
    assert answer.status_code == 200
    assert answer.json()["document"]["rules"][0]["when"] == DRAFT["rules"][0]["when"]


async def test_a_repeat_under_its_key_gets_the_first_answer_and_changes_nothing_more(
    router,
) -> None:
    """Fails when a rollback that is sent twice goes two versions back."""
    bodies = [DRAFT, {**DRAFT, "rules": []}]
    for number, body in enumerate(bodies):
        first = await post(router, "", body, **{"Idempotency-Key": f"d{number}"})
        repeat = await post(router, "", body, **{"Idempotency-Key": f"d{number}"})
        assert (first.status_code, first.json()) == (201, repeat.json())
        assert (repeat.headers["ETag"], repeat.headers["Location"]) == (
            first.headers["ETag"],
            first.headers["Location"],
        )
        first, repeat = await asyncio.gather(
            *(post(router, "/main/publish", **{"Idempotency-Key": f"p{number}"}) for _ in range(2))
        )
        assert (first.status_code, repeat.status_code) == (200, 200), (first.text, repeat.text)
        assert first.json() == repeat.json()
    for _ in range(2):
        back = await post(router, "/main/rollback", **{"Idempotency-Key": "r"})
        assert back.status_code == 200, back.text
    now = (await router.client.get("/v1/flows/main", headers=router.admin)).json()
    assert back.json() == now
    assert [each["how"] for each in now["history"]] == ["rollback", "publish", "publish", "apply"]
    assert now["history"][0]["restores"] == 2
    assert now["draft"]["number"] == 2
    other = await post(router, "/main/rollback", {"version": 1}, **{"Idempotency-Key": "r"})
    assert (other.status_code, other.json()["type"]) == (422, "idempotency-key-reused")


async def test_two_persons_publish_where_that_is_configured(router) -> None:
    floor = {"careline": 1, "floor": {"flows_by_two": True}}
    answer = await router.client.put("/v1/config", json=floor, headers=router.admin)
    assert answer.status_code == 200, answer.text
    await drafted(router)
    answer = await post(router, "/main/publish")
    assert (answer.status_code, answer.json()["type"]) == (403, "second-person-needed")
    answer = await post(router, "/main/publish", who=router.bearer("second", "admin"))
    assert answer.status_code == 200
    assert answer.json()["history"][0]["by"] == "second"


@pytest.mark.parametrize(
    ("changed", "path", "reason"),
    [
        ({"default": {"queue": "none"}}, "default.queue", "no queue 'none'"),
        ({"default": {"queue": "adult", "skills": {"x": 1}}}, "default.skills.x", "no skill 'x'"),
        (
            {"rules": [{"when": "crm.payer == 'casch'", "queue": "adult"}]},
            "rules[0].when", "this condition can never hold",
        ),
        (
            {"rules": [{"when": "true", "queue": "adult"}, {"when": "crm.vip", "queue": "adult"}]},
            "rules[1].when", "unreachable: the rules before it always decide first",
        ),
        ({"rules": [{"when": "x" * 1001, "queue": "adult"}]}, "rules[0].when", "1000 characters"),
        (
            {"rules": [{"when": "[1].//\nmap(x, x) == [1]", "queue": "adult"}]},
            "rules[0].when", "not a condition",
        ),
        (
            {"rules": [{"when": "[1].map(x, [x].map(y, y)) == []", "queue": "adult"}]},
            "rules[0].when", "the macro map is not allowed",
        ),
        ({"rules": [{"when": "(" * 499 + "true" + ")" * 497, "queue": "adult"}]}, "rules[0].when", ""),
        ({"rules": [{"when": "true", "queue": "adult"}] * 201}, "rules", ""),
        ({"default": None}, "default", ""),
        (
            {"self_service": {
                "start": "hello", "emergency": {"endpoint": "PJSIP/103", "media": {}},
                "nodes": {
                    "hello": {"kind": "play", "media": {}, "next": "open"},
                    "open": {"kind": "hours", "by": {}, "next": "hello"},
                },
            }},
            "self_service.nodes.hello.next", "an endless loop: hello → open → hello",
        ),
    ],
)  # fmt: skip
async def test_a_wrong_flow_is_told_where_and_why_and_not_kept(
    shared_router, changed, path, reason
) -> None:
    answer = await post(shared_router, "", {**DRAFT, "id": "wrong", **changed})
    assert answer.status_code == 422, answer.text
    faults = {fault["path"]: fault["reason"] for fault in answer.json()["errors"]}
    assert reason in faults[path]
    answer = await shared_router.client.get("/v1/flows/wrong", headers=shared_router.admin)
    assert (answer.status_code, answer.json()["type"]) == (404, "unknown-flow")


TEXT = """\
id: main
default: {queue: adult, skills: {adult: 1}}
rules:
  - when: crm.vip
    queue: adult
  - queue: adult
    when: crm.vip && crm.payer == 'cash'
"""


async def test_the_faults_of_a_text_have_line_and_column(shared_router) -> None:
    async def posted(text: str | bytes) -> Any:
        headers = {**shared_router.admin, "Content-Type": "application/yaml"}
        return await shared_router.client.post("/v1/flows", content=text, headers=headers)

    answer = await posted(TEXT)
    (fault,) = answer.json()["errors"]
    assert (fault["path"], fault["line"], fault["column"]) == ("rules[1].when", 7, 11)
    answer = await posted(
        TEXT.replace("    queue: adult\n", "    queue: adult\n    prority: vip\n")
    )
    fault = next(each for each in answer.json()["errors"] if "prority" in each["path"])
    assert (fault["line"], fault["column"]) == (6, 14)
    answer = await posted("id: main\ndefault: [\n")
    assert answer.status_code == 400
    assert "line 3" in answer.json()["detail"]
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )
    for text in (bomb, "a: &a [*a]", "[" * 5000, "id: main\nid: main\n", b"\xff", "- 1"):
        answer = await posted(text)
        assert answer.status_code in {400, 422}, (text[:20], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_document_of_ten_megabytes_is_refused(shared_router) -> None:
    rules = [{"when": f"ivr.key == '{'x' * 900}{n}'", "queue": "adult"} for n in range(11_000)]
    answer = await post(shared_router, "", {**DRAFT, "rules": rules})
    assert (answer.status_code, answer.json()["type"]) == (413, "too-large")


async def test_a_dry_run_explains_its_path(router) -> None:
    await drafted(router)
    call = {"line": LINE, "ivr": {"key": "2"}, "crm": {"payer": "insured"}}
    answer = await post(router, "/main/dry-run", call)
    assert answer.status_code == 200, answer.text
    run = answer.json()
    assert (run["queue"], run["priority"], run["draft"], run["version"]) == (
        "adult", "insured", 1, 1,
    )  # fmt: skip
    asked, default = run["path"]
    assert (asked["path"], asked["holds"], default["path"]) == ("rules[0]", False, "default")
    assert [(part["when"], part["holds"], part["why"]) for part in asked["parts"]] == [
        ("ivr.key == '2'", True, "ivr.key is '2'"),
        ("crm.payer == 'cash'", False, "crm.payer is 'insured'"),
    ]
    call["crm"] = {"payer": "cash"}
    run = (await post(router, "/main/dry-run", call)).json()
    assert (run["queue"], run["priority"], run["skills"]) == ("child", "vip", {"child": 1})
    closed = (await post(router, "/main/dry-run", {**call, "calendar": "closed"})).json()
    assert (closed["action"], closed["queue"]) == ("closed", None)
    assert "not open" in closed["path"][0]["why"]
    answer = await post(router, "/main/dry-run", {"line": "+74950000099"})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "line")
    answer = await post(router, "/main/dry-run", {**call, "at": "9999-12-31T23:59:59-14:00"})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "at")
    answer = await post(router, "/none/dry-run", {})
    assert answer.status_code == 404


async def test_yesterday_is_played_with_the_draft(router) -> None:
    await router.ready("a1")
    await router.arrive("y-1")
    offer = await router.offer("a1")
    await router.client.post(f"/v1/offers/{offer['id']}/accept", headers=router.agent("a1"))
    await router.tell("call.answered", "y-1", offer_id=offer["id"])
    await router.advance(60)
    await router.tell("call.hung_up", "y-1", by="caller")
    await drafted(router, default={"queue": "child", "skills": {"child": 1}})
    answer = await post(router, "/main/simulate", {})
    assert (answer.status_code, answer.json()["type"]) == (404, "no-such-day")
    today = router.clock.now().astimezone(UTC).date()
    midnight = datetime.combine(today + timedelta(days=1), datetime.min.time(), UTC)
    await router.advance((midnight - router.clock.now()).total_seconds() + 3600)
    answer = await post(router, "/main/simulate", {})
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert (report["day"], report["calls"], report["draft"]) == (today.isoformat(), 1, 1)
    assert report["as_it_was"]["by_queue"].keys() == {"adult"}
    assert report["policies"]["careline"]["by_queue"].keys() == {"child"}
    answer = await post(router, "/main/simulate", {"policies": ["luck"]})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "policies")


async def test_callers_hear_the_announcement_in_their_language_and_may_not_be_called_back(
    router,
) -> None:
    default = {
        "queue": "adult", "skills": {"adult": 1}, "callback": False,
        "announcements": {"en": "calm-en", "ru": "calm-ru"},
    }  # fmt: skip
    floor = {"careline": 1, "floor": {"callbacks": {"wait_s": 1, "after_s": 1}}}
    answer = await router.client.put("/v1/config", json=floor, headers=router.admin)
    assert answer.status_code == 200, answer.text
    await router.connect("talk", caller="+79161111111")
    await drafted(router, default=default, rules=[])
    await post(router, "/main/publish")
    told = await router.arrive("h-1")
    heard = [
        (each["type"], each.get("media"))
        for each in told["commands"]
        if each["pbx_call_id"] == "h-1"
    ]
    assert heard == [("answer", None), ("announce", "calm-ru"), ("hold", None)]
    await router.advance(5)
    assert not [each for each in await router.commands() if each.get("media") == "callback_offer"]
    asked = {"call_id": "d-1", "caller": "+79161234567", "line": LINE, "wait": 0}
    actions = []
    for _ in range(2):
        step = await router.client.post("/v1/pbx/pbx1/route", json=asked, headers=router.pbx)
        actions.append((step.json()["action"], step.json().get("media")))
    assert actions == [("announce", "calm-ru"), ("wait", None)]


async def test_rules_may_look_at_how_full_the_floor_is(router) -> None:
    rules = [
        {"when": "load.adult.waiting >= 2 && load.adult.ready == 0", "queue": "child", "skills": {"child": 1}}
    ]  # fmt: skip
    await drafted(router, rules=rules)
    await post(router, "/main/publish")
    queues = [await queue_of_a_call(router) for _ in range(3)]
    assert queues == ["adult", "adult", "child"]
    await router.advance(1)


async def test_who_waits_is_moved_only_when_that_is_asked_and_keeps_his_place(router) -> None:
    told = (await router.arrive("w-1"))["call"]
    await router.advance(7)
    await drafted(router, default={"queue": "child", "skills": {"child": 1}}, rules=[])
    answer = await post(router, "/main/publish", {"waiting": "reroute"})
    assert answer.status_code == 200, answer.text
    moved = await router.call(told["id"])
    assert (moved["state"], moved["queue"], moved["queued_at"]) == (
        "queued", "child", told["queued_at"],
    )  # fmt: skip
    await router.ready("a2")
    assert (await router.offer("a2"))["call_id"] == told["id"]


async def test_the_schema_is_published(shared_router) -> None:
    answer = await shared_router.client.get("/v1/flows/schema", headers=shared_router.admin)
    assert answer.json()["$schema"].startswith("https://json-schema.org/")
    assert "default" in answer.json()["required"]
