"""The table of who may do what, row by row and role by role, against the running router."""

import pytest

from careline_router.api.permissions import ALLOWED, ROLES, Action

pytestmark = pytest.mark.integration

REQUESTS = {
    Action.PBX_COMMANDS: [
        ("GET", "/v1/pbx/pbx1/commands", None),
        ("POST", "/v1/pbx/pbx1/commands/none/done", {"ok": True}),
    ],
    Action.PBX_ROUTE: [
        ("POST", "/v1/pbx/pbx1/route", {"call_id": "r-1", "line": "+74950000001", "wait": 0}),
        ("POST", "/v1/pbx/pbx1/route/none", {"result": "busy"}),
        ("POST", "/v1/pbx/pbx1/route/hangup", {"call_id": "none"}),
    ],
    Action.OWN_SESSION: [
        ("GET", "/v1/agents/me", None),
        ("POST", "/v1/agents/me/session", {}),
        ("PUT", "/v1/agents/me/state", {"state": "not_ready"}),
        ("POST", "/v1/agents/me/wrap-up/extend", {"seconds": 5}),
        ("POST", "/v1/agents/me/ws-ticket", None),
        ("DELETE", "/v1/agents/me/session", None),
    ],
    Action.ANSWER_OFFER: [
        ("POST", "/v1/offers/none/accept", None),
        ("POST", "/v1/offers/none/reject", {}),
        ("GET", "/v1/calls/none/customer", None),
        ("POST", "/v1/calls/none/verification", {"check": "birth_date", "answer": "1"}),
    ],
    Action.BOOK: [
        ("GET", "/v1/slots?clinic=none", None),
        ("GET", "/v1/calls/none/appointments", None),
        ("POST", "/v1/calls/none/appointments", {"slot_id": "s", "clinic": "none"}),
        ("POST", "/v1/calls/none/appointments/none/move", {"slot_id": "s"}),
        ("POST", "/v1/calls/none/appointments/none/cancel", None),
    ],
    Action.READ_INSURANCE: [("POST", "/v1/calls/none/insurance", {})],
    Action.HAND_OVER: [("POST", "/v1/calls/none/hand-over", {"data": {}})],
    Action.WRAP_UP: [
        ("POST", "/v1/calls/none/wrap-up", {"disposition": "x", "resolved": True}),
    ],
    Action.END_WORK: [("POST", "/v1/work/none/done", None)],
    Action.READ_CALLS: [("GET", "/v1/calls", None), ("GET", "/v1/calls/none", None)],
    Action.READ_CALL_BY_PBX: [("GET", "/v1/calls/by-pbx/pbx1/none", None)],
    Action.READ_DECISIONS: [
        ("GET", "/v1/calls/none/decisions", None),
        ("GET", "/v1/calls/none/path", None),
    ],
    Action.STEER_CALLS: [
        ("POST", "/v1/calls/none/move", {"queue": "adult"}),
        ("POST", "/v1/calls/none/priority", {"priority": "vip"}),
        ("POST", "/v1/calls/none/listen", {"mode": "listen", "endpoint": "PJSIP/s"}),
        ("POST", "/v1/calls/none/assign", {"agent": "a1"}),
        ("POST", "/v1/calls/none/withdraw", None),
    ],
    Action.ANNOUNCE: [("POST", "/v1/announcements", {"media": "m", "queue": "none"})],
    Action.WATCH_FLOOR: [("POST", "/v1/supervisors/me/ws-ticket", None)],
    Action.READ_ACTIONS: [("GET", "/v1/supervisors/actions", None)],
    Action.READ_CALLBACKS: [("GET", "/v1/callbacks", None), ("GET", "/v1/callbacks/none", None)],
    Action.REQUEST_CALLBACK: [("POST", "/v1/callbacks", {"phone": "1", "queue": "none"})],
    Action.CANCEL_CALLBACK: [("DELETE", "/v1/callbacks/none", None)],
    Action.READ_QUEUES: [("GET", "/v1/queues", None)],
    Action.READ_AGENTS: [("GET", "/v1/agents", None)],
    Action.STEER_AGENTS: [
        ("PUT", "/v1/agents/none/state", {"state": "ready"}),
        ("GET", "/v1/agents/none/skills", None),
        ("POST", "/v1/agents/none/skills", {"skill": "child", "level": 5}),
        ("DELETE", "/v1/agents/none/skills/child", None),
    ],
    Action.SET_SITES: [("PUT", "/v1/sites/msk", {"state": "open"})],
    Action.SWITCH_EMERGENCY: [("PUT", "/v1/emergency", {"on": False})],
    Action.READ_FORECAST: [("GET", "/v1/forecast", None)],
    Action.READ_REPORTS: [
        ("GET", "/v1/reports/intervals", None),
        ("GET", "/v1/reports/self-service", None),
        ("GET", "/v1/reports/conversion", None),
        ("GET", "/v1/reports/bots", None),
        ("GET", "/v1/reports/first-contact", None),
    ],
    Action.READ_CONFIGURATION: [
        ("GET", "/v1/calendars/c1", None),
        ("GET", "/v1/flows", None),
        ("GET", "/v1/flows/main", None),
        ("GET", "/v1/flows/schema", None),
        ("POST", "/v1/flows/main/dry-run", {}),
        ("POST", "/v1/flows/none/simulate", {}),
    ],
    Action.KEEP_PERSONS: [
        ("POST", "/v1/persons/export", {"phone": "+79000000000"}),
        ("POST", "/v1/persons/erase", {"phone": "+79000000000"}),
    ],
    Action.READ_LOOKS: [
        ("GET", "/v1/persons/looks", None),
        ("POST", "/v1/persons/looks/search", {}),
    ],
    Action.CONFIGURE: [
        ("PUT", "/v1/config", {"careline": 1}),
        ("PUT", "/v1/queues/adult", {"id": "adult"}),
        ("PUT", "/v1/agents/a1", {"id": "a1"}),
        ("PUT", "/v1/calendars/c1", {"id": "c1"}),
        ("POST", "/v1/flows", {"id": "f"}),
        ("POST", "/v1/flows/none/publish", {}),
        ("POST", "/v1/flows/none/rollback", {}),
    ],
}


async def test_every_action_has_its_row():
    assert set(REQUESTS) == set(ALLOWED) == set(Action)


@pytest.mark.parametrize("action", list(Action), ids=lambda action: action.name.lower())
async def test_roles_may_what_the_table_says_and_nothing_else(shared_router, action):
    for method, path, body in REQUESTS[action]:
        for role in ROLES:
            headers = shared_router.bearer("a1", role, pbx="pbx1")
            answer = await shared_router.client.request(method, path, json=body, headers=headers)
            refused = answer.status_code == 403 and answer.json()["type"] == "forbidden"
            assert refused == (role not in ALLOWED[action]), (method, path, role, answer.text)


@pytest.mark.parametrize("action", list(Action), ids=lambda action: action.name.lower())
async def test_nothing_is_done_without_a_token(shared_router, action):
    for method, path, body in REQUESTS[action]:
        for headers in (
            {},
            {"Authorization": "Bearer made.up.token"},
            {"Authorization": "Basic eA=="},
        ):
            answer = await shared_router.client.request(method, path, json=body, headers=headers)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["content-type"] == "application/problem+json"


async def test_an_expired_token_is_none(router):
    token = router.token("root", "admin", ttl_s=60)
    router.clock.advance(91)
    answer = await router.client.get("/v1/queues", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
