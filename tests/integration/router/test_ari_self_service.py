"""Callers serve themselves over a real Asterisk 22: keys pressed at a SIP phone."""

from typing import Any

import pytest

from careline_common.testing.asterisk import Asterisk
from careline_common.testing.waiting import eventually
from careline_router.queries import EVERYTHING
from careline_router.views import CallView

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

LINE = "+74950000001"
NODES: dict[str, Any] = {
    "main": {
        "kind": "menu", "media": {"*": "silence/5"}, "wait_s": 20,
        "keys": {"1": "code", "4": "message", "5": "away"},
    },
    "code": {"kind": "collect", "media": {"*": "silence/5"}, "wait_s": 20, "next": "human"},
    "message": {"kind": "voicemail", "media": {"*": "silence/1"}},
    "away": {"kind": "overflow", "endpoint": "Local/parked@testing"},
}  # fmt: skip


@pytest.fixture
async def served(router: Any, asterisk: Asterisk) -> Any:
    url = f"http://127.0.0.1:{asterisk.http_port}/ari"
    await router.store.apply(
        {
            "skills": ["adult"],
            "queues": [{"id": "adult"}, {"id": "other"}],
            "flows": [
                {
                    "id": "main",
                    "default": {"queue": "adult"},
                    "rules": [{"when": "ivr.code == '42'", "queue": "other"}],
                    "self_service": {"start": "main", "nodes": NODES},
                }
            ],
            "lines": [{"number": LINE, "flow": "main"}],
            "agents": [],
            "pbxs": [
                {
                    "id": "ast1", "kind": "asterisk", "url": url,
                    "user": asterisk.ari_user, "password": asterisk.ari_password,
                }
            ],
        }
    )  # fmt: skip

    async def listens() -> bool:
        return "careline" in await asterisk.cli("ari show apps")

    await eventually(listens, what="a router that hears Asterisk")
    return router


async def becomes(router: Any, **wanted: Any) -> CallView:
    async def look() -> CallView | None:
        for call in await router.service.queries.calls(EVERYTHING):
            if all(getattr(call, name) == value for name, value in wanted.items()):
                found: CallView = call
                return found
        return None

    found: CallView = await eventually(look, what=f"a call with {wanted}", within_s=20)
    return found


async def test_keys_lead_to_a_queue_and_cut_what_is_being_played(served, phones) -> None:
    """The prompts last five seconds each: who had to hear them out would not be there in time."""
    await phones.call(LINE, keys="142#")
    found = await becomes(served, state="queued", queue="other")
    assert found.queued_at is not None
    assert (found.queued_at - found.arrived_at).total_seconds() < 9


@pytest.mark.parametrize(
    ("key", "outcome", "where"), [("4", "voicemail", "Record"), ("5", "overflow", "Dial")]
)
async def test_who_leaves_goes_on_in_the_dialplan(
    served, asterisk, phones, key, outcome, where
) -> None:
    await phones.call(LINE, keys=key)
    await becomes(served, state="ended", outcome=outcome)

    async def goes_on() -> bool:
        return where in await asterisk.cli("core show channels concise")

    await eventually(goes_on, what=f"a channel in {where}")
