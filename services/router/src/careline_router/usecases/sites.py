"""Sites: who works where, and a site that is drained or down."""

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

import structlog

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.problem import NotFound, NotReady, invalid
from careline_router.db import supervisor_actions
from careline_router.domain import commands as cmd
from careline_router.domain.events import Event
from careline_router.domain.states import Call
from careline_router.domain.words import AgentState, SiteState
from careline_router.usecases.callback_rows import keeping_callbacks
from careline_router.usecases.pbx_answers import PbxAnswers

Callers = Literal["keep", "lost"]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """A site now: its agents by state, as they have logged in or else are configured; how many talk there, and
    how many are being offered a call; its PBXs, and how many calls each has."""

    id: str
    state: SiteState
    agents: dict[AgentState, int]
    talks: int
    offers: int
    pbxs: dict[str, int]


class Sites(PbxAnswers):
    """A site is there when an agent or a PBX is configured for it, an agent has logged in at it, or it is not open."""

    def sites(self) -> list[SiteView]:
        """All sites, by id. Raises 503 while this process does not lead."""
        if not self._actor.leading:
            raise NotReady("this process does not lead the floor")
        return [self._site(name) for name in sorted(self._known_sites())]

    async def set_site(
        self, by: str, site: str, state: SiteState, callers: Callers = "keep"
    ) -> SiteView:
        """Opens, drains or takes down a site; noted with who and when. 404 `unknown-site` for one that is not
        there.

        `lost`: its PBXs are gone too, with all who called there. Nobody is offered those calls any more, and who
        waited is called back by a PBX elsewhere, if the floor calls back who gives up. Asked again it goes on.
        """
        if site not in self._known_sites():
            raise NotFound("there is no such site", type="unknown-site")
        if callers == "lost" and state != "down":
            raise invalid("callers", "only of a site that is down")

        async def note(uow: UnitOfWork, events: list[Event]) -> None:
            if events or callers == "lost":
                detail: dict[str, str] = {"state": state}
                if callers == "lost":
                    detail["callers"] = callers
                await supervisor_actions.note(uow, by, "site", site, detail)

        await self._actor.submit(cmd.SetSite(site=site, state=state), within=note)
        log.warning("site.switched", site=site, state=state, callers=callers, by=by)
        if callers == "lost":
            there = {pbx.id for pbx in self._plan().pbxs.values() if pbx.site == site}
            await self._lose_calls(there, "site_down")
        return self._site(site)

    async def _lose_calls(self, pbxs: Container[str], cause: str) -> None:
        """What these PBXs had under way ends; who waited is called back by another one, if the floor calls back at all."""
        floor = self._actor.floor
        back_by = self._plan().dialling(self._plan().out_of_service(floor.sites, floor.pbxs_down))
        for call in list(floor.calls.values()):
            if call.pbx in pbxs and _is_under_way(call):
                command = cmd.HangUp(
                    call_id=call.id,
                    by="system",
                    cause=cause,
                    utc_offset_s=self._utc_offset_s(call.id),
                    back_by=back_by,
                )
                await self._actor.submit(command, within=keeping_callbacks(self._contacts, call.id))

    def _known_sites(self) -> set[str]:
        floor = self._actor.floor
        configured = (agent.site for agent in self._plan().agents.values())
        at_work = (agent.site for agent in floor.agents.values())
        pbxs = (pbx.site for pbx in self._plan().pbxs.values())
        return {site for site in (*configured, *at_work, *pbxs, *floor.sites) if site is not None}

    def _site(self, site: str) -> SiteView:
        floor = self._actor.floor
        there = [
            agent
            for agent in floor.agents.values()
            if (agent.spec.site if agent.state == "logged_out" else agent.site) == site
        ]
        calls = Counter(call.pbx for call in floor.calls.values() if call.state != "ended")
        return SiteView(
            id=site,
            state=floor.sites.get(site, "open"),
            agents=dict(Counter(agent.state for agent in there)),
            talks=sum(agent.state == "talking" for agent in there),
            offers=sum(agent.offer is not None for agent in there),
            pbxs={pbx.id: calls[pbx.id] for pbx in self._plan().pbxs.values() if pbx.site == site},
        )


def _is_under_way(call: Call) -> bool:
    """Whether its PBX has a caller or legs of it; a callback that waits has none yet."""
    if call.callback is not None:
        return call.state == "connected"
    return call.kind == "call" and call.state != "ended"
