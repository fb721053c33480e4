"""A supervisor gives an agent a skill for today, over HTTP."""

from typing import Any

import pytest

pytestmark = pytest.mark.integration

PATH = "/v1/agents/a1/skills"
CHILD = {"skill": "child", "level": 5}


async def test_a_call_that_waits_for_it_is_offered_to_him_at_once_and_all_is_written_down(
    router: Any,
) -> None:
    await router.ready("a1")
    call = (await router.arrive("p-1", line="+74950000002"))["call"]
    assert (await router.me("a1"))["offer"] is None
    mine = router.bearer("sup1", "supervisor")
    given = await router.client.post(PATH, json=CHILD, headers=mine)
    assert given.status_code == 201, given.text
    assert given.headers["Location"] == f"{PATH}/child"
    assert given.json() == {
        "agent": "a1", "skill": "child", "level": 5, "by": "sup1",
        "at": "2026-03-02T09:00:00Z", "until": "2026-03-02T21:00:00Z",
    }  # fmt: skip
    assert (await router.offer("a1"))["call_id"] == call["id"]
    assert (await router.me("a1"))["skills"] == {"adult": 10, "child": 5}
    listed = await router.client.get(PATH, headers=mine)
    assert [each["skill"] for each in listed.json()["items"]] == ["child"]
    taken = await router.client.delete(f"{PATH}/child", headers=mine)
    assert taken.status_code == 204, taken.text
    assert (await router.me("a1"))["skills"] == {"adult": 10}
    again = await router.client.delete(f"{PATH}/child", headers=mine)
    assert (again.status_code, again.json()["type"]) == (404, "unknown-skill")
    actions = await router.client.get("/v1/supervisors/actions", headers=router.admin)
    assert [(each["who"], each["what"], each["target"], each["detail"]["level"])
            for each in actions.json()["items"]] == [
        ("sup1", "skill", "a1", None), ("sup1", "skill", "a1", 5),
    ]  # fmt: skip


async def test_only_his_own_supervisor_gives_only_what_there_is_and_a_repeat_gives_it_once(
    router: Any,
) -> None:
    mine = {**router.bearer("sup1", "supervisor"), "Idempotency-Key": "k-1"}
    other = router.bearer("sup2", "supervisor")
    for answer in (
        await router.client.post(PATH, json=CHILD, headers=other),
        await router.client.get(PATH, headers=other),
        await router.client.delete(f"{PATH}/child", headers=other),
    ):
        assert answer.status_code == 403, answer.text
    wrong = await router.client.post(PATH, json={**CHILD, "skill": "heart"}, headers=router.floor)
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "skill")
    nobody = await router.client.post("/v1/agents/none/skills", json=CHILD, headers=router.floor)
    assert (nobody.status_code, nobody.json()["type"]) == (404, "unknown-agent")
    for level in (0, 11, "5", 2.5):
        answer = await router.client.post(PATH, json={**CHILD, "level": level}, headers=mine)
        assert answer.status_code == 422, level
    first = await router.client.post(PATH, json=CHILD, headers=mine)
    repeat = await router.client.post(PATH, json=CHILD, headers=mine)
    assert (first.status_code, repeat.status_code) == (201, 201)
    assert first.json() == repeat.json()
    actions = await router.client.get("/v1/supervisors/actions", headers=router.admin)
    assert len(actions.json()["items"]) == 1
