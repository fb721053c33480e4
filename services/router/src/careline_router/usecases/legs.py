"""Which legs of agents a PBX must have, as far as the router knows."""

from careline_router.db import reading, reading_consults
from careline_router.usecases.pbx_facts import PbxFacts


class LegsAtPbx(PbxFacts):
    async def legs(self, pbx: str) -> dict[str, str]:
        """The agents' legs that this PBX has been told to ring, and those that talk: offer → the call as the PBX
        knows it; and of who is asked, by the consultation. A phone whose `ring` or `consult` is not carried out yet has
        none. Those of callbacks that have been answered are `callbacks_under_way`.
        """
        return await self._agents(pbx) | await self._asked(pbx)

    async def _asked(self, pbx: str) -> dict[str, str]:
        asked = [
            (call, call.consultation)
            for call in self._actor.floor.calls.values()
            if call.consultation is not None and call.pbx == pbx and call.control == "commands"
        ]
        ringing = [call.id for call, consultation in asked if consultation.state == "ringing"]
        rung: frozenset[str] = frozenset()
        if ringing:
            async with self._database.read() as connection:
                rung = await reading_consults.asked(connection, ringing)
        return {
            consultation.id: call.pbx_call_id
            for call, consultation in asked
            if consultation.state != "ringing" or consultation.id in rung
        }

    async def _agents(self, pbx: str) -> dict[str, str]:
        floor = self._actor.floor
        talks = {
            call.offer: call.pbx_call_id
            for call in floor.calls.values()
            if call.state == "connected"
            and call.pbx == pbx
            and call.control == "commands"
            and call.callback is None
            and call.offer is not None
        }
        ringing = {
            offer.id: call
            for offer in floor.offers.values()
            if offer.state == "ringing"
            and (call := floor.calls[offer.call]).pbx == pbx
            and call.control == "commands"
        }
        if not ringing:
            return talks
        async with self._database.read() as connection:
            call_ids = [call.id for call in ringing.values()]
            rung = await reading.carried_out(connection, "ring", call_ids, list(ringing))
        return talks | {each: call.pbx_call_id for each, call in ringing.items() if each in rung}
