"""Callers serve themselves over a real Asterisk 22: keys pressed at a SIP phone."""

from typing import Any

import pytest
from sqlalchemy import text

from careline_common.testing.asterisk import Asterisk
from careline_common.testing.sipp import Phone, Phones
from careline_common.testing.waiting import eventually
from careline_router.queries import EVERYTHING
from careline_router.views import CallView

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

LINE = "+74950000001"
NODES: dict[str, Any] = {
    "main": {
        "kind": "menu", "media": {"*": "sound:silence/10"}, "wait_s": 20,
        "keys": {"1": "code", "4": "message", "5": "away"},
    },
    "code": {"kind": "collect", "media": {"*": "sound:silence/10"}, "wait_s": 20, "next": "human"},
    "message": {"kind": "voicemail", "media": {"*": "sound:silence/1"}},
    "away": {"kind": "overflow", "endpoint": "PJSIP/a1"},
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


async def dialled(phones: Phones, keys: str) -> Phone:
    """Somebody who dials the line and, once he is answered, presses keys."""
    phone = await phones.call(LINE)
    await phone.waits_for("answered")
    for key in keys:
        await phone.presses(key)
    return phone


async def test_keys_lead_to_a_queue_and_cut_what_is_being_played(served, phones) -> None:
    """The prompts last ten seconds each: who had to hear them out would not be there in time."""
    phone = await dialled(phones, "142#")
    found = await becomes(served, state="queued", queue="other")
    assert found.line == LINE

    async def told() -> bool:
        async with served.parts.database.read() as connection:
            left = await connection.execute(
                text("SELECT count(*) FROM router.pbx_command WHERE done_at IS NULL")
            )
            return bool(left.scalar_one() == 0)

    await eventually(told, what="every command is done")
    await phone.hangs_up()


@pytest.mark.parametrize(
    ("key", "outcome", "where"), [("4", "voicemail", "Record"), ("5", "overflow", "Dial")]
)
async def test_who_leaves_goes_on_in_the_dialplan(
    served, asterisk, phones, key, outcome, where
) -> None:
    phone = await dialled(phones, key)
    await becomes(served, state="ended", outcome=outcome)

    async def goes_on() -> bool:
        return where in await asterisk.cli("core show channels concise")

    await eventually(goes_on, what=f"a channel in {where}")
    await phone.hangs_up()
