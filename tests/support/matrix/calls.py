"""One patient's call and survey, over the webhook PBX."""

import asyncio
import contextlib
from typing import Any

import httpx
import uuid_utils
from story.waiting import PATIENCE_S, until

from careline_common.clock import SystemClock
from careline_common.testing.waiting import eventually
from matrix import floor
from matrix.doors import insist
from matrix.people import Agent, People
from matrix.record import Record
from matrix.world import World

TALK_S = 0.3


class Call:
    """A call for which `agent` makes himself ready, and which either takes. The methods are its steps."""

    def __init__(self, world: World, people: People, record: Record, agent: Agent) -> None:
        self._world, self._people, self._record, self._agent = world, people, record, agent
        self._pbx_call_id = str(uuid_utils.uuid7())
        self.phone = ""
        self.call_id = ""
        self._offer = ""

    async def arrive(self, phone: str) -> None:
        """The PBX announces it, again and again until the router has taken it."""
        self.phone = phone
        self._record.meant("call", phone, pbx_call_id=self._pbx_call_id)
        answer = await self._tell("call.arrived", caller=phone, line=floor.LINE)
        self.call_id = answer["call"]["id"]
        self._record.acked("call", phone, call_id=self.call_id)

    async def asked_for(self) -> None:
        """Returns when the CRM has been asked about the caller."""
        asked = self._world.outside.crm.asked
        await eventually(lambda: self.phone in asked, within_s=PATIENCE_S)

    async def be_offered(self) -> None:
        await self._agent.be("ready")
        offered = await eventually(
            lambda: self._people.offered(self.call_id), within_s=PATIENCE_S, what="an offer"
        )
        self._agent, self._offer = offered

    async def ring(self) -> None:
        await self._agent.door.post(f"/v1/offers/{self._offer}/accept", {})
        self._record.acked("accept", self._offer, call_id=self.call_id)
        command = await self._people.switch.told("ring", self._pbx_call_id)
        assert command["offer_id"] == self._offer, "another offer rings than was accepted"

    async def be_answered(self) -> None:
        await self._tell("call.answered", offer_id=self._offer)
        await self._people.switch.told("bridge", self._pbx_call_id)
        await self._reaches("connected")

    async def talk(self) -> None:
        await asyncio.sleep(TALK_S)
        call = await self._seen()
        assert call["state"] == "connected", f"the talk has ended by itself: {call}"

    async def hang_up(self) -> None:
        await self._tell("call.hung_up", by="caller")
        self._record.acked("talk", self.phone, call_id=self.call_id, agent=self._agent.name)
        await self._reaches("ended")

    async def wrap_up(self) -> None:
        body = {"disposition": "informed", "resolved": True}
        await self._agent.door.post(f"/v1/calls/{self.call_id}/wrap-up", body)
        self._record.acked("wrap_up", self.call_id)
        await self._agent.be("not_ready")

    async def _tell(self, kind: str, **data: Any) -> Any:
        message_id, at = str(uuid_utils.uuid7()), SystemClock().now()
        pbx = self._people.switch.pbx
        answer = await insist(
            lambda: pbx.tell(kind, self._pbx_call_id, message_id, at=at, **data), kind
        )
        told: dict[str, Any] = answer.json()
        with contextlib.suppress(httpx.HTTPError):
            await self._people.switch.take(told["commands"])
        return told

    async def _seen(self) -> dict[str, Any]:
        seen: dict[str, Any] = await self._people.see["router"].read(f"/v1/calls/{self.call_id}")
        return seen

    async def _reaches(self, state: str) -> None:
        await until(self._seen, lambda call: call["state"] == state, f"the call {state}")


class Survey:
    """What follows a call: the invitation, its receipt, and the patient's reply."""

    def __init__(self, world: World, people: People, record: Record, call: Call) -> None:
        self._world, self._people, self._record, self._call = world, people, record, call

    async def invited(self) -> bool:
        """Whether the patient got a message. An SMSC that broke may never have got it: then the
        invitation is unknown and stays so, and the patient is not asked again."""

        async def look() -> str:
            return str((await self.invitation() or {}).get("status"))

        status = await until(look, lambda seen: seen in {"sent", "unknown"}, "the invitation")
        got = bool(self._world.outside.carrier.messages(self._call.phone))
        if not got:
            self._record.seen("never_invited", self._call.phone, status=status)
        return got

    async def be_delivered(self) -> None:
        """The SMSC tells that the message has come, until surveys has taken that."""
        carrier = self._world.outside.carrier
        (message, *_) = carrier.messages(self._call.phone)
        await carrier.tell_receipt(self._call.phone, message["message_id"])
        self._record.acked("receipt", self._call.phone, call_id=self._call.call_id)
        await until(
            self.invitation,
            lambda found: found and found["status"] in {"delivered", "unknown"},
            "the receipt",
        )

    async def reply(self, text: str) -> None:
        self._record.meant("reply", self._call.phone, text=text)
        await self._world.outside.carrier.tell_reply(self._call.phone, text)
        self._record.acked("reply", self._call.phone, call_id=self._call.call_id, text=text)

    async def scored(self, score: int) -> None:
        await until(
            self.invitation,
            lambda found: found and [a["score"] for a in found["answers"]] == [score],
            "the score",
        )

    async def invitation(self) -> dict[str, Any] | None:
        page = await self._people.see["surveys"].get(
            "/v1/invitations", reference_id=self._call.call_id
        )
        return page["items"][0] if page["items"] else None
