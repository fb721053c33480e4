"""Compares the agents' legs that must be at Asterisk with those that are there."""

import asyncio
from collections.abc import Callable, Container

import structlog

from careline_router.adapters.asterisk.channels import is_consult, talk_bridge
from careline_router.adapters.asterisk.commands import Commands
from careline_router.adapters.asterisk.connection import part
from careline_router.adapters.asterisk.session import Session

log = structlog.get_logger(__name__)

TOLD_WITHIN_S = 0.5
"""So long after its end a leg may still be told of, if anybody listened: then its cause is known."""


class LegsComparison:
    """A leg that ended while nobody listened, or in an earlier life of the router, is lost: Asterisk cuts off
    who answers his phone then. The caller need not wait until it would have rung long enough."""

    def __init__(self, session: Session, commands: Commands, busy: Callable[[str], bool]) -> None:
        self._ari = session.ari
        self._pbx = session.target.id
        self._service = session.service
        self._talks = session.legs.talks
        self._commands = commands
        self._busy = busy
        self._wanted: dict[str, str] = {}
        self._noted: dict[str, str] = {}

    async def begin(self) -> None:
        """Asked before the channels are listed: what is to be there then stands in the list, or is gone. The
        legs of an earlier life are noted here, so that their events are heard from now on."""
        self._wanted = await self._service.legs(self._pbx)
        for offer_id, call in self._wanted.items():
            self._talks.setdefault(offer_id, call)
        self._noted = {leg: call for leg, call in self._talks.items() if not self._busy(call)}

    async def compare(self, there: Container[str]) -> None:
        """One comparison with the ids of the channels that Asterisk has."""
        missing = [leg for leg in self._noted if leg not in there]
        if not missing:
            return
        await asyncio.sleep(TOLD_WITHIN_S)
        for leg in missing:
            call = self._noted[leg]
            if leg in self._talks and not self._busy(call):
                await self._lose(leg, call)

    async def _lose(self, leg: str, call: str) -> None:
        self._talks.pop(leg, None)
        await self._ari.request("DELETE", f"bridges/{part(talk_bridge(leg))}")
        if leg not in self._wanted:
            return
        log.info("asterisk.lost_agent", pbx=self._pbx, call=call, offer=leg)
        gone = self._service.consult_gone if is_consult(leg) else self._service.leg_gone
        told = await gone(self._pbx, call, leg, "lost", lost=True)
        self._commands.start(told.commands)
