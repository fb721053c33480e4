"""What was made is found where `Location` says, also under the standalone's `/router`."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

pytestmark = pytest.mark.integration

FLOW = {"id": "other", "default": {"queue": "adult", "skills": {"adult": 1}}}


@pytest.fixture
async def mounted(router):
    """The router as the standalone has it: below an address that is not the root."""
    app = Starlette(routes=[Mount("/router", router.service.app)])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://careline") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "body", "who"),
    [
        ("agents/me/session", {}, "agent"),
        ("callbacks", {"phone": "+79161234567", "queue": "adult"}, "floor"),
        ("flows", FLOW, "admin"),
    ],
)
async def test_a_location_leads_to_what_was_made(router, mounted, path, body, who):
    headers = router.agent() if who == "agent" else getattr(router, who)
    once = headers | {"Idempotency-Key": "k"}
    for _ in range(2):
        made = await mounted.post(f"/router/v1/{path}", json=body, headers=once)
        assert made.status_code == 201, made.text
        found = await mounted.get(made.headers["location"], headers=headers)
        assert (found.status_code, found.json()["id"]) == (200, made.json()["id"])
