"""The emergency switch, thrown and read."""

import structlog

from careline_common.db.unit_of_work import UnitOfWork
from careline_router.db import emergencies, supervisor_actions
from careline_router.domain.events import Event
from careline_router.emergency import EmergencySwitch
from careline_router.usecases.parts import UseCases
from careline_router.usecases.pbx_answers import NOTHING

log = structlog.get_logger(__name__)


class Emergencies(UseCases):
    def emergency(self) -> EmergencySwitch:
        """How the switch stands, by whom and since when."""
        return self._emergency

    async def switch_emergency(
        self, by: str, *, on: bool, announcement: str | None
    ) -> EmergencySwitch:
        """Throws the switch for the calls that come from now on; every throw is kept with who and when.

        Who waits already goes on waiting. Raises 503 while this process does not lead.
        """
        thrown = EmergencySwitch(on=on, announcement=announcement, by=by, at=self._clock.now())

        async def keep(uow: UnitOfWork, _events: list[Event]) -> None:
            await emergencies.add(uow.connection, thrown)
            detail = {"on": on, "announcement": announcement}
            await supervisor_actions.note(uow, by, "emergency", None, detail)

        await self._actor.submit(NOTHING, within=keep)
        self._take_emergency(thrown)
        log.warning("emergency.switched", on=on, by=by)
        return thrown

    async def _load_emergency(self) -> None:
        """A new leader takes the switch as the last one has left it."""
        async with self._database.read() as connection:
            self._take_emergency(await emergencies.last(connection))

    def _take_emergency(self, switch: EmergencySwitch) -> None:
        """The holder is shared by all use cases, so it is changed in its place."""
        held = self._emergency
        held.on, held.announcement = switch.on, switch.announcement
        held.by, held.at = switch.by, switch.at
