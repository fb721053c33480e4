"""Two sites with a PBX each are one floor: one order, and each is served by the other when it is out."""

from typing import Any

import pytest
from two_sites import arrive, two_sites

pytestmark = pytest.mark.integration

SITES = two_sites(
    pbx1={"reach": {"spb": "PJSIP/{phone}@to-spb"}}, pbx2={"reach": {"msk": "PJSIP/{phone}@to-msk"}}
)


@pytest.fixture
async def sites(router: Any) -> Any:
    answer = await router.client.put("/v1/config", json=SITES, headers=router.admin)
    assert answer.status_code == 200, answer.text
    return router


async def commands(router: Any, pbx: str) -> list[dict[str, Any]]:
    headers = router.bearer(pbx, "pbx", pbx=pbx)
    answer = await router.client.get(f"/v1/pbx/{pbx}/commands?wait=0", headers=headers)
    return list(answer.json()["items"])


async def set_site(router: Any, site: str, **body: str) -> Any:
    return await router.client.put(f"/v1/sites/{site}", json=body, headers=router.floor)


async def take(router: Any, agent: str) -> dict[str, Any]:
    """What the agent is offered, accepted; gives the command that rings his phone."""
    offer = await router.offer(agent)
    answer = await router.client.post(
        f"/v1/offers/{offer['id']}/accept", headers=router.agent(agent)
    )
    assert answer.status_code == 200, answer.text
    call = await router.call(offer["call_id"])
    (ring,) = [c for c in await commands(router, call["pbx"]) if c["type"] == "ring"]
    return {**ring, "pbx": call["pbx"]}


async def test_callers_of_both_wait_in_one_order_and_each_agent_is_rung_by_the_caller_s_pbx(
    sites: Any,
) -> None:
    await arrive(sites, "pbx2", "q-1", "+79160000001")
    await arrive(sites, "pbx1", "p-2", "+79160000002")
    await sites.ready("m1")
    await sites.ready("s1")
    first, second = await take(sites, "m1"), await take(sites, "s1")
    assert (first["pbx"], first["pbx_call_id"], first["endpoint"]) == (
        "pbx2", "q-1", "PJSIP/m1@to-msk",
    )  # fmt: skip
    assert (second["pbx"], second["pbx_call_id"], second["endpoint"]) == (
        "pbx1", "p-2", "PJSIP/s1@to-spb",
    )  # fmt: skip


async def test_callers_of_a_drained_site_are_served_by_the_other_and_a_caller_near_is_rung_as_ever(
    sites: Any,
) -> None:
    await sites.ready("m1")
    await sites.ready("s1")
    assert (await set_site(sites, "msk", state="drained")).status_code == 200
    await arrive(sites, "pbx1", "p-1", "+79160000001")
    assert (await sites.me("m1"))["offer"] is None
    assert (await take(sites, "s1"))["endpoint"] == "PJSIP/s1@to-spb"
    shown = await sites.client.get("/v1/sites", headers=sites.floor)
    assert {each["id"]: each["pbxs"] for each in shown.json()["items"]} == {
        "msk": {"pbx1": 1}, "spb": {"pbx2": 0},
    }  # fmt: skip
    await set_site(sites, "msk", state="open")
    await arrive(sites, "pbx1", "p-2", "+79160000002")
    assert (await take(sites, "m1"))["endpoint"] == "PJSIP/m1"


async def test_who_waited_at_a_site_that_is_lost_is_called_back_by_the_other_in_his_place(
    sites: Any,
) -> None:
    lost = await arrive(sites, "pbx1", "p-1", "+79160000001")
    kept = await arrive(sites, "pbx2", "q-1", "+79160000002")
    wrong = await set_site(sites, "msk", state="drained", callers="lost")
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "callers")
    for _ in range(2):  # whoever is not sure that it was done asks again
        answer = await set_site(sites, "msk", state="down", callers="lost")
        assert answer.status_code == 200, answer.text
    ended = await sites.call(lost["id"])
    assert (ended["state"], ended["outcome"]) == ("ended", "lost")
    assert (await sites.call(kept["id"]))["state"] == "queued"
    listed = await sites.client.get("/v1/callbacks", headers=sites.floor)
    (callback,) = listed.json()["items"]
    assert (callback["origin"], callback["state"]) == ("abandoned", "waiting")
    assert (await sites.call(callback["id"]))["pbx"] == "pbx2"
    asked = await sites.client.post(
        "/v1/callbacks", json={"phone": "+79160000003", "queue": "adult"}, headers=sites.floor
    )
    assert asked.status_code == 201, asked.text
    assert (await sites.call(asked.json()["id"]))["pbx"] == "pbx2"
    await sites.ready("s1")
    assert (await sites.offer("s1"))["call_id"] == kept["id"]
