"""The people who are called back: each is a leg of his own, dialled once his agent has answered.

His number goes to Asterisk with the request that dials him and nowhere else: the leg's id, its arguments
and our logs name the offer.
"""

from http import HTTPStatus
from typing import Any

import structlog

from careline_router.adapters.asterisk.causes import failure
from careline_router.adapters.asterisk.channels import (
    PersonLeg,
    person_arguments,
    person_leg,
    talk_bridge,
)
from careline_router.adapters.asterisk.connection import Answer, part
from careline_router.adapters.asterisk.requests import NORMAL_CLEARING, ensure_bridge
from careline_router.adapters.asterisk.session import Session
from careline_router.dial_endpoints import endpoint_of
from careline_router.views import PbxAnswer, PbxCommand

log = structlog.get_logger(__name__)


class Persons:
    """Their legs, over the socket that is open now."""

    def __init__(self, session: Session) -> None:
        self._ari = session.ari
        self._target = session.target
        self._service = session.service
        self._legs = session.legs.persons

    async def dial(self, command: PbxCommand) -> PbxAnswer | None:
        """Calls the person of a callback; gives what the router says to it when he cannot be dialled.

        The leg's id is the offer's, so that a repeat is a 409. The agent's leg is the originator: when
        it is gone Asterisk refuses, and nobody's phone rings for nobody.
        """
        pbx, offer_id = self._target.id, str(command.body["offer_id"])
        if not await self._service.dial_begins(pbx, command.id):
            return None
        trunk, number = self._target.trunk, command.body.get("number")
        if trunk is None or number is None:
            return await self._service.dial_refused(pbx, command.pbx_call_id)
        self._legs[offer_id] = command.pbx_call_id
        answer = await self._ari.request(
            "POST",
            f"channels/{part(person_leg(offer_id))}",
            endpoint=endpoint_of(trunk.endpoint, str(number)),
            app=self._target.application,
            appArgs=person_arguments(offer_id, command.pbx_call_id),
            timeout=trunk.timeout_s,
            callerId=trunk.caller_id or str(command.body["line"]),
            originator=offer_id,
        )
        if answer.ok or answer.status == HTTPStatus.CONFLICT:
            # or the agent would take the silence for a line that is dead, and hang up
            await self._ari.request("POST", f"channels/{part(offer_id)}/ring")
            return None
        del self._legs[offer_id]
        # not its reason: Asterisk may repeat the endpoint, and with it the number
        log.warning("asterisk.dial_refused", pbx=pbx, offer=offer_id, status=answer.status)
        return await self._service.dial_refused(pbx, command.pbx_call_id)

    async def answered(self, person: PersonLeg) -> PbxAnswer | None:
        """The person has answered: he and his agent are joined, unless he came too late for that."""
        pbx, offer_id, told = self._target.id, person.offer_id, None
        self._legs[offer_id] = person.callback
        if self._service.dials(pbx, person.callback, offer_id):
            told = await self._service.person_reached(pbx, person.callback)
        if self._service.talks(pbx, person.callback, offer_id):
            await self._join(offer_id)
        else:
            await self.hang_up(offer_id)
        return told

    async def gone(
        self, person: PersonLeg, event: dict[str, Any], dial_status: str | None
    ) -> PbxAnswer:
        """A person's leg is destroyed: he could not be reached, or he has hung up."""
        self._legs.pop(person.offer_id, None)
        return await self._service.person_gone(
            self._target.id,
            person.callback,
            person.offer_id,
            failure(dial_status, int(event.get("cause", 0))),
        )

    async def hang_up(self, offer_id: str) -> None:
        """Takes a person's leg down, whether it rings or talks."""
        self._legs.pop(offer_id, None)
        path = f"channels/{part(person_leg(offer_id))}"
        await self._ari.request("DELETE", path, reason_code=NORMAL_CLEARING)

    def adopt(self, person: PersonLeg) -> None:
        """A leg that an earlier life has made."""
        self._legs[person.offer_id] = person.callback

    def of_offer(self, offer_id: str) -> PersonLeg | None:
        """The leg of an offer's person, also of one that an earlier life has made and that is not
        compared yet; None when nobody wants it."""
        callback = self._legs.get(offer_id) or self._service.callback_of(self._target.id, offer_id)
        return None if callback is None else PersonLeg(offer_id, callback)

    def legs_of(self, callback: str) -> list[str]:
        """The offers by which a callback's person is dialled or talks, oldest first."""
        return [offer for offer, whose in self._legs.items() if whose == callback]

    def party_of(self, command: PbxCommand) -> str:
        """The channel that an agent talks with: the caller's, or the person's who is called back."""
        offers = self.legs_of(command.pbx_call_id) if command.begun_here else []
        return person_leg(offers[-1]) if offers else command.pbx_call_id

    async def _join(self, offer_id: str) -> Answer:
        """Whoever has gone meanwhile is told of as gone, and that ends the talk."""
        bridge = talk_bridge(offer_id)
        made = await ensure_bridge(self._ari, bridge, "mixing")
        if not made.ok:
            return made
        await self._ari.request("DELETE", f"channels/{part(offer_id)}/ring")
        channels = f"{person_leg(offer_id)},{offer_id}"
        return await self._ari.request(
            "POST", f"bridges/{part(bridge)}/addChannel", channel=channels
        )
