"""PBXs that stop to answer are down by themselves, and up again by themselves; the state of sites is the supervisors' alone."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import structlog

from careline_common.http.problem import NotReady
from careline_common.observability.errors import describe
from careline_router.domain import commands as cmd
from careline_router.domain.pbx_health import Patience, PbxHealth
from careline_router.domain.words import PbxState
from careline_router.runtime.codec import moment_or_none
from careline_router.usecases.sites import Sites

LOOK_EVERY_S = 1.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxView:
    """A PBX now; `state` is None for one that is not watched, `since` tells when it went down, `calls` are those under way."""

    id: str
    kind: Literal["webhook", "asterisk"]
    site: str | None
    state: PbxState | None
    since: datetime | None
    calls: int


class PbxWatch(Sites):
    def pbxs(self) -> list[PbxView]:
        """All PBXs, by id. Raises 503 while this process does not lead."""
        if not self._actor.leading:
            raise NotReady("this process does not lead the floor")
        floor = self._actor.floor
        calls = Counter(call.pbx for call in floor.calls.values() if call.state != "ended")
        return [
            PbxView(
                id=name,
                kind=pbx.kind,
                site=pbx.site,
                state=self._plan().state_of(name, floor.pbxs_down),
                since=moment_or_none(floor.pbxs_down.get(name)),
                calls=calls[name],
            )
            for name, pbx in sorted(self._plan().pbxs.items())
        ]

    async def watch_pbxs(self) -> None:
        """Looks after the PBXs every second; runs while this process leads."""
        while True:
            try:
                await self.look_at_pbxs()
            except NotReady:
                pass  # then this task is about to end as well
            except Exception as error:  # noqa: BLE001 - whatever it is, the floor goes on
                log.warning("pbxs.not_looked_at", error=describe(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def look_at_pbxs(self) -> None:
        """Once: who is not heard any more is down, who is heard again is up, and calls of who is lost end."""
        watched = self._plan().watched()
        known = self.signs.watch(watched)
        for name in self._actor.floor.pbxs_down.keys() - watched.keys():
            await self._take_pbx_as(name, "up")
        now = self._clock.monotonic()
        for name, patience in watched.items():
            await self._look_at(name, known[name], now, patience)
        self._measure_pbxs(watched)

    async def _look_at(self, name: str, health: PbxHealth, now: float, patience: Patience) -> None:
        before: PbxState = "down" if name in self._actor.floor.pbxs_down else "up"
        state = health.state(now, patience, before=before)
        if state != before:
            await self._take_pbx_as(name, state)
        if state == "down" and health.lost(now, patience):
            await self._lose_calls({name}, "pbx_down")

    async def _take_pbx_as(self, name: str, state: PbxState) -> None:
        await self._actor.submit(cmd.SetPbx(pbx=name, state=state))
        log.warning("pbx.switched", pbx=name, state=state)

    def _measure_pbxs(self, watched: Mapping[str, Patience]) -> None:
        self._metrics.pbx_up.clear()
        for name in watched:
            self._metrics.pbx_up.labels(name).set(name not in self._actor.floor.pbxs_down)
