"""Compares the people whom the router calls back with their legs at Asterisk."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog

from careline_router.adapters.asterisk.channels import (
    PersonLeg,
    offer_of_person,
    person_leg,
    talk_bridge,
)
from careline_router.adapters.asterisk.commands import Commands
from careline_router.adapters.asterisk.persons import Persons
from careline_router.adapters.asterisk.session import Session
from careline_router.views import CallbackUnderWay

log = structlog.get_logger(__name__)

Found = Mapping[str, Any]


class PersonsComparison:
    """A leg that outlived its socket is adopted, an orphan is hung up, and a try whose leg is gone has
    failed: nobody is dialled a second time for it."""

    def __init__(
        self,
        session: Session,
        persons: Persons,
        commands: Commands,
        busy: Callable[[str], bool],
    ) -> None:
        self._pbx = session.target.id
        self._talks = session.legs.talks
        self._service = session.service
        self._persons = persons
        self._commands = commands
        self._busy = busy

    async def settled(self) -> list[CallbackUnderWay]:
        """The callbacks at which nothing moves now. Asked for before the channels are listed: what such a
        callback has had dialled then stands in the list, or is gone."""
        under_way = await self._service.callbacks_under_way(self._pbx)
        return [each for each in under_way if not self._busy(each.call_id)]

    async def compare(
        self,
        under_way: Iterable[CallbackUnderWay],
        channels: Iterable[Found],
        bridges: Iterable[Found],
    ) -> None:
        """One comparison with what Asterisk has."""
        there = {channel["id"]: channel for channel in channels}
        joined = {bridge["id"]: set(bridge["channels"]) for bridge in bridges}
        for callback in under_way:
            if not self._busy(callback.call_id):
                await self._compare(callback, there, joined)
        wanted = {each.offer_id for each in await self._service.callbacks_under_way(self._pbx)}
        for channel in there:
            offer_id = offer_of_person(channel)
            if offer_id is not None and offer_id not in wanted:
                log.info("asterisk.orphan_leg", pbx=self._pbx, offer=offer_id)
                await self._persons.hang_up(offer_id)

    async def _compare(
        self,
        callback: CallbackUnderWay,
        there: Mapping[str, Found],
        joined: Mapping[str, set[str]],
    ) -> None:
        leg = PersonLeg(callback.offer_id, callback.call_id)
        if self._service.offer_in_hand(self._pbx, leg.callback) != leg.offer_id:
            return  # over since the channels were listed
        person = there.get(person_leg(leg.offer_id))
        # of an earlier life, perhaps: whatever ends now takes both legs and their bridge with it
        self._talks[leg.offer_id] = leg.callback
        if leg.offer_id not in there:
            log.info("asterisk.lost_agent", pbx=self._pbx, call=leg.callback)
            told = await self._service.hung_up(self._pbx, leg.callback, "agent", "lost_event")
            self._commands.start(told.commands)
            await self._commands.drop_talks_of(leg.callback)
        elif person is not None:
            self._persons.adopt(leg)
            parties = {person["id"], leg.offer_id}
            if person["state"] == "Up" and not parties <= joined.get(
                talk_bridge(leg.offer_id), set()
            ):
                answer = await self._persons.answered(leg)
                self._commands.start(() if answer is None else answer.commands)
        elif callback.begun or not callback.dialling:
            log.info("asterisk.lost_person", pbx=self._pbx, call=leg.callback)
            told = await self._service.person_gone(
                self._pbx, leg.callback, leg.offer_id, "unreachable"
            )
            self._commands.start(told.commands)
            await self._commands.drop_talks_of(leg.callback)
