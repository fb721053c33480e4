"""Recordings that PBXs tell of."""

from datetime import timedelta

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.router import RecordingReady
from careline_router.db import recordings, repository
from careline_router.domain.events import Event
from careline_router.ports import Receipt
from careline_router.usecases.pbx_answers import NOTHING, PbxAnswers
from careline_router.views import PbxAnswer

LOOKED_FOR = timedelta(days=1)


class Recordings(PbxAnswers):
    """One call has one recording: what is told last holds."""

    async def recording_ready(
        self,
        pbx: str,
        pbx_call_id: str,
        url: str,
        duration_s: float,
        *,
        receipt: Receipt | None = None,
    ) -> PbxAnswer:
        """A recording of the call can be fetched at `url`."""
        call_id = await self._require(pbx, pbx_call_id)

        async def keep(uow: UnitOfWork, _events: list[Event]) -> None:
            await self._keep(uow, call_id, url, duration_s)

        return await self._answer(NOTHING, pbx, call_id, receipt, first=keep)

    # -- for a PBX that we steer call by call -----------------------------------------------------

    def under_way(self, call_id: str) -> bool:
        """Whether the floor still has this call in hand."""
        call = self._actor.floor.calls.get(call_id)
        return call is not None and call.state != "ended"

    async def recorded(self, pbx: str, call_id: str, url: str, duration_s: float) -> bool:
        """A recording is there; whether it may be kept: of a caller who has refused it may not. One that is known
        already, or is of no call that we know, is left as it is."""

        async def keep(uow: UnitOfWork, _events: list[Event]) -> bool:
            call = await recordings.of_call(uow.connection, call_id)
            if call is None or call.pbx != pbx:
                return True
            if call.recording_refused_at is not None:
                return False
            if call.recording is None:
                await self._keep(uow, call_id, url, duration_s)
            return True

        kept: bool = await self._actor.submit(NOTHING, within=keep)
        return kept

    async def recordings_missed(self, pbx: str) -> list[tuple[str, float]]:
        """Calls of the last day that were recorded and are over, but of whose recording nothing was told: id, and
        for how many seconds they talked."""
        async with self._database.read() as connection:
            since = self._clock.now() - LOOKED_FOR
            rows = await recordings.missed(connection, pbx, since)
        return [(call_id, (ended - answered).total_seconds()) for call_id, answered, ended in rows]

    async def _keep(self, uow: UnitOfWork, call_id: str, url: str, duration_s: float) -> None:
        recording = {"url": url, "duration_s": duration_s}
        await repository.put_call(uow.connection, call_id, recording=recording)
        call = self._actor.floor.calls.get(call_id)
        uow.emit(
            RecordingReady(call_id=call_id, duration_s=duration_s, at=uow.clock.now()),
            subject=call_id,
            sequence=0 if call is None else call.version,
        )
