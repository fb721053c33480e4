"""Skills that supervisors give agents for today: to help another queue out until midnight."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.problem import NotFound, invalid
from careline_router.db import extra_skills, supervisor_actions
from careline_router.domain import commands as cmd
from careline_router.domain.events import Event
from careline_router.domain.today import end_of_day
from careline_router.floorplan import FloorPlan
from careline_router.ports import Receipt
from careline_router.usecases.supervision import Supervision
from careline_router.views import ExtraSkill, Viewer


class ExtraSkills(Supervision):
    """They are part of the plan by which calls are routed, beside what is configured, until they end."""

    def extra_skills(self, viewer: Viewer, agent_id: str) -> list[ExtraSkill]:
        """Those that an agent has now, the first that ends first. 404 and 403 as for any order."""
        self._require_team(viewer, agent_id)
        now = self._clock.now()
        return [each for each in self._plan.extra if each.agent == agent_id and each.until > now]

    async def give_skill(
        self,
        viewer: Viewer,
        agent_id: str,
        skill: str,
        level: int,
        *,
        receipt: Receipt | None = None,
    ) -> ExtraSkill:
        """The agent has a skill at this level, whatever his own is, until midnight where he works; calls that wait for
        it are offered to him at once. 422 for a skill that is not configured."""
        self._require_team(viewer, agent_id)
        if skill not in self._plan().skills:
            raise invalid("skill", "there is no such skill")
        now = self._clock.now()
        until = end_of_day(now, ZoneInfo(self._plan().zone_of(self._site_of(agent_id))))
        given = ExtraSkill(
            agent=agent_id, skill=skill, level=level, until=until, by=viewer.subject, at=now
        )

        async def keep(uow: UnitOfWork, _events: list[Event]) -> ExtraSkill:
            await extra_skills.put(uow.connection, given)
            detail = {"skill": skill, "level": level, "until": until.isoformat()}
            await supervisor_actions.note(uow, viewer.subject, "skill", agent_id, detail)
            return given

        async with self._plan.changing:
            extra = [*self._others(agent_id, skill), given]
            plan = self._plan.base.with_skills(extra)
            command = cmd.ConfigureAgents(agents=(plan.agent_spec(agent_id),))
            await self._actor.submit(command, within=keep, receipt=receipt)
            self._plan.use(plan, extra)
        return given

    async def take_skill(self, viewer: Viewer, agent_id: str, skill: str) -> None:
        """What was given for today is over now; 404 `unknown-skill` when nothing was. The agent's own level holds."""
        self._require_team(viewer, agent_id)

        async def keep(uow: UnitOfWork, _events: list[Event]) -> None:
            await extra_skills.remove(uow.connection, agent_id, skill)
            detail = {"skill": skill, "level": None}
            await supervisor_actions.note(uow, viewer.subject, "skill", agent_id, detail)

        async with self._plan.changing:
            extra = self._others(agent_id, skill)
            if len(extra) == len(self._plan.extra):
                raise NotFound("he was not given this skill for today", type="unknown-skill")
            plan = self._plan.base.with_skills(extra)
            command = cmd.ConfigureAgents(agents=(plan.agent_spec(agent_id),))
            await self._actor.submit(command, within=keep)
            self._plan.use(plan, extra)

    async def end_skills(self) -> None:
        """Takes those away whose day is over; for the leader, again and again."""
        now = self._clock.now()
        over = {each.agent for each in self._plan.extra if each.until <= now}
        if not over:
            return
        async with self._plan.changing:
            extra = [each for each in self._plan.extra if each.until > now]
            plan = self._plan.base.with_skills(extra)
            specs = tuple(plan.agent_spec(each) for each in sorted(over) if each in plan.agents)
            await self._actor.submit(cmd.ConfigureAgents(agents=specs))
            self._plan.use(plan, extra)

    async def _with_extra_skills(self, base: FloorPlan) -> tuple[FloorPlan, Iterable[ExtraSkill]]:
        """A configuration with what was given for today, as it is kept."""
        async with self._database.read() as connection:
            extra = await extra_skills.after(connection, self._clock.now())
        return base.with_skills(extra), extra

    def _others(self, agent_id: str, skill: str) -> list[ExtraSkill]:
        return [each for each in self._plan.extra if (each.agent, each.skill) != (agent_id, skill)]

    def _site_of(self, agent_id: str) -> str | None:
        """Where he works today, else where he is configured."""
        agent = self._actor.floor.agents.get(agent_id)
        if agent is not None and agent.state != "logged_out":
            return agent.site
        return self._plan().agents[agent_id].site
