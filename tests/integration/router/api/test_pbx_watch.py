"""A PBX that stops to ask is down by itself, and up again once it asks for a while."""

from typing import Any

import pytest
from two_sites import LINE, SECRETS, tell, two_sites

pytestmark = pytest.mark.integration

WATCHED = two_sites(pbx1={"watch": {"down_after_s": 31, "up_after_s": 6, "lost_after_s": 60}})


@pytest.fixture
async def watched(router: Any) -> Any:
    answer = await router.client.put("/v1/config", json=WATCHED, headers=router.admin)
    assert answer.status_code == 200, answer.text
    await passes(router, 0)
    return router


async def passes(router: Any, seconds: float) -> None:
    """So many seconds, in which the PBXs are looked after as ever."""
    while True:
        router.clock.advance(min(seconds, 2.0))
        await router.service.app.state.service.look_at_pbxs()
        seconds -= 2.0
        if seconds <= 0:
            return


async def shown(router: Any) -> dict[str, Any]:
    answer = await router.client.get("/v1/pbxs", headers=router.floor)
    assert answer.status_code == 200, answer.text
    return {each["id"]: each for each in answer.json()["items"]}


async def arrive(router: Any, pbx: str, call_id: str, caller: str) -> dict[str, Any]:
    return await tell(router, pbx, "call.arrived", call_id, caller=caller, line=LINE)


async def test_one_that_asks_for_nothing_is_down_and_none_of_its_calls_is_offered_until_it_asks_again(
    watched: Any,
) -> None:
    waits = await arrive(watched, "pbx1", "p-1", "+79160000001")
    await watched.ready("m1")
    offer = await watched.offer("m1")
    assert offer["call_id"] == waits["id"]
    await watched.client.post(f"/v1/offers/{offer['id']}/reject", headers=watched.agent("m1"))
    for _ in range(2):  # who asks now and then is up
        await passes(watched, 28)
        assert (await shown(watched))["pbx1"]["state"] == "up"
        await watched.commands()
    await passes(watched, 32)
    down = (await shown(watched))["pbx1"]
    assert (down["state"], down["site"], down["calls"]) == ("down", "msk", 1)
    me = await watched.me("m1")
    assert (me["state"], me["reason"]) == ("not_ready", "pbx_down")
    answer = await watched.client.put(
        "/v1/agents/me/state", json={"state": "ready"}, headers=watched.agent("m1")
    )
    assert (answer.status_code, answer.json()["type"]) == (409, "phone-away")
    await watched.ready("s1")
    later = await arrive(watched, "pbx2", "q-1", "+79160000002")
    assert (await watched.offer("s1"))["call_id"] == later["id"]
    text = (await watched.client.get("/metrics")).text
    assert 'careline_router_pbx_up{pbx="pbx1"} 0.0' in text
    assert 'pbx="pbx2"' not in text  # nobody has said what its silence means
    await watched.commands()
    await passes(watched, 4)
    assert (await shown(watched))["pbx1"]["state"] == "down"
    await watched.commands()
    await passes(watched, 4)
    await watched.commands()
    await passes(watched, 0)
    assert (await shown(watched))["pbx1"] == {
        "id": "pbx1", "kind": "webhook", "site": "msk", "state": "up", "since": None, "calls": 1,
    }  # fmt: skip
    assert (await watched.me("m1"))["state"] == "ready"


async def test_its_calls_are_lost_after_a_longer_silence_and_who_waited_is_called_back_by_another(
    watched: Any,
) -> None:
    lost = await arrive(watched, "pbx1", "p-1", "+79160000001")
    kept = await arrive(watched, "pbx2", "q-1", "+79160000002")
    await passes(watched, 58)
    assert (await watched.call(lost["id"]))["state"] == "queued"
    await passes(watched, 4)
    ended = await watched.call(lost["id"])
    assert (ended["state"], ended["outcome"]) == ("ended", "lost")
    assert (await watched.call(kept["id"]))["state"] == "queued"
    (callback,) = (await watched.client.get("/v1/callbacks", headers=watched.floor)).json()["items"]
    assert (await watched.call(callback["id"]))["pbx"] == "pbx2"


async def test_a_site_that_a_supervisor_has_drained_stays_so_when_its_pbx_comes_and_goes(
    watched: Any,
) -> None:
    await watched.ready("m1")
    drain = {"state": "drained"}
    await watched.client.put("/v1/sites/msk", json=drain, headers=watched.floor)
    await passes(watched, 32)
    for _ in range(5):
        await watched.commands()
        await passes(watched, 2)
    assert (await shown(watched))["pbx1"]["state"] == "up"
    sites = (await watched.client.get("/v1/sites", headers=watched.floor)).json()["items"]
    assert {each["id"]: each["state"] for each in sites} == {"msk": "drained", "spb": "open"}
    me = await watched.me("m1")
    assert (me["state"], me["reason"]) == ("not_ready", "site_drained")


async def test_a_router_that_stood_still_has_not_heard_anybody_and_blames_nobody(
    watched: Any,
) -> None:
    watched.clock.advance(300)
    await passes(watched, 0)
    assert (await shown(watched))["pbx1"]["state"] == "up"


async def test_one_that_is_watched_no_more_is_down_no_more(watched: Any) -> None:
    await passes(watched, 34)
    assert (await shown(watched))["pbx1"]["state"] == "down"
    plain = [{"id": "pbx1", "kind": "webhook", "secret": SECRETS["pbx1"], "site": "msk"}]
    body = {"careline": 1, "pbxs": plain}
    await watched.client.put("/v1/config", json=body, headers=watched.admin)
    await passes(watched, 0)
    assert (await shown(watched))["pbx1"]["state"] is None


@pytest.mark.parametrize(
    "watch",
    [
        {"down_after_s": 30},
        {"down_after_s": 50, "lost_after_s": 49},
        {"up_after_s": -1},
        {"down_after_s": 1},
    ],
)
async def test_a_patience_that_makes_no_sense_is_refused(shared_router: Any, watch: Any) -> None:
    pbx = {"id": "p9", "kind": "webhook", "secret": SECRETS["pbx1"], "watch": watch}
    body = {"careline": 1, "pbxs": [pbx]}
    answer = await shared_router.client.put("/v1/config", json=body, headers=shared_router.admin)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"].startswith("pbxs")
