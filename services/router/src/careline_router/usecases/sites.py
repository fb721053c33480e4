"""Sites: who works where, and a site that is drained or down."""

from collections import Counter
from dataclasses import dataclass

import structlog

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.problem import NotFound, NotReady
from careline_router.db import supervisor_actions
from careline_router.domain import commands as cmd
from careline_router.domain.events import Event
from careline_router.domain.words import AgentState, SiteState
from careline_router.usecases.parts import UseCases

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """A site now: its agents by state, as they have logged in or else are configured; how many talk there, and
    how many are being offered a call."""

    id: str
    state: SiteState
    agents: dict[AgentState, int]
    talks: int
    offers: int


class Sites(UseCases):
    """A site is there when an agent is configured for it, has logged in at it, or it is not open."""

    def sites(self) -> list[SiteView]:
        """All sites, by id. Raises 503 while this process does not lead."""
        if not self._actor.leading:
            raise NotReady("this process does not lead the floor")
        return [self._site(name) for name in sorted(self._known_sites())]

    async def set_site(self, by: str, site: str, state: SiteState) -> SiteView:
        """Opens, drains or takes down a site; noted with who and when. 404 `unknown-site` for one that is not
        there."""
        if site not in self._known_sites():
            raise NotFound("there is no such site", type="unknown-site")

        async def note(uow: UnitOfWork, events: list[Event]) -> None:
            if events:
                await supervisor_actions.note(uow, by, "site", site, {"state": state})

        await self._actor.submit(cmd.SetSite(site=site, state=state), within=note)
        log.warning("site.switched", site=site, state=state, by=by)
        return self._site(site)

    def _known_sites(self) -> set[str]:
        floor = self._actor.floor
        configured = (agent.site for agent in self._plan().agents.values())
        at_work = (agent.site for agent in floor.agents.values())
        return {site for site in (*configured, *at_work, *floor.sites) if site is not None}

    def _site(self, site: str) -> SiteView:
        floor = self._actor.floor
        there = [
            agent
            for agent in floor.agents.values()
            if (agent.spec.site if agent.state == "logged_out" else agent.site) == site
        ]
        return SiteView(
            id=site,
            state=floor.sites.get(site, "open"),
            agents=dict(Counter(agent.state for agent in there)),
            talks=sum(agent.state == "talking" for agent in there),
            offers=sum(agent.offer is not None for agent in there),
        )
