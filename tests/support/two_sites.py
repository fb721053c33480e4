"""A floor of two sites: an agent and a PBX with webhooks at each."""

from typing import Any

LINE = "+74950000001"
SECRETS = {
    "pbx1": "whsec_" + "c2VjcmV0LW9mLXBieC1vbmU=",
    "pbx2": "whsec_" + "c2VjcmV0LW9mLXBieC10d28=",
}


def two_sites(**more: dict[str, Any]) -> dict[str, Any]:
    """Its configuration; `more` is what is said of `pbx1` and `pbx2` beside that."""
    places = {"pbx1": "msk", "pbx2": "spb"}
    return {
        "careline": 1,
        "agents": [
            {"id": "m1", "site": "msk", "skills": {"adult": 10}, "endpoint": "PJSIP/m1"},
            {"id": "s1", "site": "spb", "skills": {"adult": 10}, "endpoint": "PJSIP/s1"},
        ],
        "pbxs": [
            {
                "id": pbx,
                "kind": "webhook",
                "secret": SECRETS[pbx],
                "site": site,
                **more.get(pbx, {}),
            }
            for pbx, site in places.items()
        ],
        "floor": {"callbacks": {"abandoned": True, "short_abandon_s": 0, "idle_min": 1}},
    }


async def arrive(router: Any, pbx: str, call_id: str, caller: str) -> dict[str, Any]:
    """A caller at the line of this floor; the call as the router tells it."""
    router.clock.advance(1)
    return await tell(router, pbx, "call.arrived", call_id, caller=caller, line=LINE)


async def tell(router: Any, pbx: str, kind: str, call_id: str, **data: Any) -> dict[str, Any]:
    """What happens to a call, told by its PBX."""
    event = router.event(kind, call_id, **data)
    answer = await router.post_event(event, pbx=pbx, secret=SECRETS[pbx])
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()["call"]
    return told
