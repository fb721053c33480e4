"""Calls that wait too long, or meet too few agents, need less: the steps of their queue's recipe."""

from careline_router.domain import events as ev
from careline_router.domain.offering import Offering
from careline_router.domain.specs import RelaxStep
from careline_router.domain.states import Call
from careline_router.domain.terms import recipe_of

SPARE = 64
LOOK_EVERY_S = 5.0
"""How often a step whose time has come is tried that also depends on the load."""


class Relaxing(Offering):
    """A step is taken when its conditions hold, in the recipe's order, each once."""

    def __init__(self) -> None:
        super().__init__()
        self._tried_again_at: dict[str, float] = {}
        """By call, when a step that the load kept back is tried next: one look a call is enough."""

    def _relax(self, call: Call) -> None:
        """Takes every step that is due; looks again later at one that only the load keeps back."""
        while call.state == "queued" and call.id not in self.held:
            recipe = recipe_of(call.terms, self._queue_of(call))
            if call.relaxed >= len(recipe):
                return
            step = recipe[call.relaxed]
            assert call.queued_at is not None
            if self.now - call.queued_at < step.after_s:
                return
            if not self._load_allows(call, step):
                self._try_again(call)
                return
            self._take_step(call, step)

    def _try_again(self, call: Call) -> None:
        if self._tried_again_at.get(call.id, 0.0) > self.now:
            return
        if len(self._tried_again_at) > 2 * self.waiting_count + SPARE:
            waiting = {name: at for name, at in self._tried_again_at.items() if at > self.now}
            self._tried_again_at = waiting
        self._tried_again_at[call.id] = self.now + LOOK_EVERY_S
        self._timers.set(self.now + LOOK_EVERY_S, "look", call.id)

    def _load_allows(self, call: Call, step: RelaxStep) -> bool:
        needs = self.groups.requirement(call.needs)
        queue = call.queue or ""
        if step.eligible_below is not None and needs.members >= step.eligible_below:
            return False
        if step.idle_below is not None and needs.idle >= step.idle_below:
            return False
        waiting = self.waiting.in_queue.get(queue, 0)
        if step.queued_above is not None and waiting <= step.queued_above:
            return False
        if step.sl_below_pct is not None:
            level = self.demand.service_level_pct(queue)
            if level is None or level >= step.sl_below_pct:
                return False
        return True

    def _take_step(self, call: Call, step: RelaxStep) -> None:
        needs = {
            skill: max(level - step.lower_levels_by, 1)
            for skill, level in call.needs.items()
            if skill not in step.drop_skills
        }
        assert call.queue is not None
        assert call.priority is not None
        queue = step.queue if step.queue in self.queues else call.queue
        # a recipe of the call's own goes on in whatever queue it has flowed over to
        moved = queue != call.queue and call.terms.recipe is None
        self._emit(
            ev.RequirementRelaxed(
                at=self.now,
                call_id=call.id,
                step=len(self.queues[queue].recipe) if moved else call.relaxed + 1,
                needs=self._within_reach({**needs, **step.add_skills}),
                queue=queue,
                priority=step.priority or call.priority,
            )
        )
        self._serve_call(call)
