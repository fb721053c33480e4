"""A site is drained or taken down over the API, and that outlives the process."""

from typing import Any

import pytest

pytestmark = pytest.mark.integration


async def set_site(router: Any, state: str, site: str = "msk", who: Any = None) -> Any:
    return await router.client.put(
        f"/v1/sites/{site}", json={"state": state}, headers=who or router.floor
    )


async def site(router: Any) -> dict[str, Any]:
    answer = await router.client.get("/v1/sites", headers=router.floor)
    assert answer.status_code == 200, answer.text
    (found,) = [each for each in answer.json()["items"] if each["id"] == "msk"]
    return dict(found)


async def test_a_drained_site_gets_nothing_new_and_is_ready_again_when_it_opens(router) -> None:
    await router.ready()
    assert await site(router) == {
        "id": "msk", "state": "open", "agents": {"ready": 1}, "talks": 0, "offers": 0, "pbxs": {},
    }  # fmt: skip
    answer = await set_site(router, "drained")
    assert (answer.status_code, answer.json()["state"]) == (200, "drained")
    me = await router.me()
    assert (me["state"], me["reason"]) == ("not_ready", "site_drained")
    call = (await router.arrive())["call"]
    assert call["state"] == "queued"
    answer = await router.client.put(
        "/v1/agents/me/state", json={"state": "ready"}, headers=router.agent("a1")
    )
    assert (answer.status_code, answer.json()["type"]) == (409, "site-closed")
    await set_site(router, "open")
    assert (await router.offer())["call_id"] == call["id"]
    actions = await router.client.get("/v1/supervisors/actions", headers=router.admin)
    assert [(each["what"], each["target"], each["detail"]) for each in actions.json()["items"]] == [
        ("site", "msk", {"state": "open"}),
        ("site", "msk", {"state": "drained"}),
    ]


async def test_callers_of_a_site_that_is_down_wait_again_and_their_phones_legs_are_taken_down(
    router,
) -> None:
    call_id = await router.connect("p-1")
    await router.commands()
    await set_site(router, "down")
    assert (await router.me())["state"] == "logged_out"
    answer = await router.client.get("/v1/calls/by-pbx/pbx1/p-1", headers=router.floor)
    assert answer.json()["state"] == "queued", call_id
    types = [each["type"] for each in await router.commands() if each["pbx_call_id"] == "p-1"]
    assert types[-2:] == ["hold", "cancel_ring"]
    answer = await router.client.post("/v1/agents/me/session", headers=router.agent("a1"))
    assert (answer.status_code, answer.json()["type"]) == (409, "site-down")


async def test_only_sites_that_are_there_and_states_that_there_are(shared_router) -> None:
    answer = await set_site(shared_router, "open", site="gone")
    assert (answer.status_code, answer.json()["type"]) == (404, "unknown-site")
    answer = await set_site(shared_router, "closed")
    assert answer.status_code == 422
    answer = await set_site(shared_router, "down", who=shared_router.bearer("sup1", "supervisor"))
    assert answer.status_code == 403
