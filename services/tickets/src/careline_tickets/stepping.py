"""Steps of clocks, done when they are due: each exactly once, by whichever process comes first.

A step's row is marked, its effect done and its event written in one transaction, under the lock of
its appeal; so a process that dies has either done all of it or nothing. The database's clock says
what is due and when it was done.
"""

import asyncio
from typing import Any

import structlog

from careline_common.db.engine import Database, is_unavailable
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.tickets import TicketStepFired
from careline_common.observability.errors import describe
from careline_tickets import assigning
from careline_tickets.config import Rules
from careline_tickets.db import steps
from careline_tickets.db.steps import DueStep
from careline_tickets.domain.clocks import StepRule
from careline_tickets.domain.steps import StepAction, rule_of
from careline_tickets.domain.ticket import Command, Group, Ticket
from careline_tickets.domain.vocabulary import Action, Role
from careline_tickets.domain.workflow import Actor
from careline_tickets.service import Journal

log = structlog.get_logger(__name__)

CLOCK = Actor(id="clock", roles=frozenset({Role.SYSTEM}))
"""Who does what a step does."""

DONE = "done"
NOBODY = "nobody_there"
"""There was nobody to give the appeal to: it stays where it is, and the event says so."""

BATCH = 20
POLL_S = 0.25


class Stepper:
    """Any number of these may run, in any number of processes."""

    def __init__(self, database: Database, journal: Journal, *, batch: int = BATCH) -> None:
        self._database = database
        self._batch = batch
        self._journal = journal

    async def run(self) -> None:
        """Fires steps for ever; while nothing is due it looks again four times a second."""
        while True:
            if not await self.fire():
                await asyncio.sleep(POLL_S)

    async def fire(self) -> int:
        """Fires the due steps of a batch of appeals; returns how many steps that were."""
        try:
            return await self._fire(self._batch, [])
        except Exception as error:
            if is_unavailable(error):
                raise
            log.warning("steps.one_by_one", error=describe(error))
        return sum([await self._fire_or_postpone() for _ in range(self._batch)])

    async def _fire_or_postpone(self) -> int:
        """One appeal's steps. Where they cannot be done they wait and let the others pass."""
        claimed: list[str] = []
        try:
            return await self._fire(1, claimed)
        except Exception as error:
            if is_unavailable(error):
                raise
            log.exception("step.failed", tickets=claimed, error=describe(error))
            async with self._database.unit_of_work() as uow:
                for ticket_id in claimed:
                    await steps.postpone(uow.connection, ticket_id)
            return 0

    async def _fire(self, limit: int, claimed: list[str]) -> int:
        async with self._database.unit_of_work() as uow:
            claimed += await steps.claim(uow.connection, limit)
            if not claimed:
                return 0
            fired = 0
            for step in await steps.due_of(uow.connection, claimed):
                fired += await self._do(uow, step)
            return fired

    async def _do(self, uow: UnitOfWork, step: DueStep) -> bool:
        """False when an earlier step of the same appeal has made this one void."""
        stored = await self._journal.repository.find(uow.connection, step.ticket_id)
        assert stored is not None, "steps belong to appeals"
        rule = rule_of(stored.ticket.policy, step.step)
        command = await self._command(uow, stored.ticket, rule)
        result = NOBODY if command is None and rule.do in _MOVES else DONE
        fired_at = await steps.mark_fired(uow.connection, step, result)
        if fired_at is None:
            return False
        ticket = stored.ticket
        if command is not None:
            ticket = await self._journal.act(uow, stored, command, CLOCK, now=fired_at)
        outcome = {"result": result, "fired_at": fired_at}
        event = _event(self._journal.rules(), stored.ticket, ticket, step, rule, **outcome)
        uow.emit(event, subject=ticket.id, sequence=ticket.version)
        uow.after_commit(self._journal.metrics.steps.labels(rule.do, result).inc)
        return True

    async def _command(self, uow: UnitOfWork, ticket: Ticket, rule: StepRule) -> Command | None:
        """What the step changes in the appeal, None when that is nothing."""
        rules = self._journal.rules()
        match rule.do:
            case StepAction.RAISE_PRIORITY:
                return Command(action=Action.STEP_RAISE_PRIORITY)
            case StepAction.ESCALATE:
                group = await _group(uow, rules, ticket, rule)
                moves = group.level > ticket.level or group.id != ticket.group
                action = Action.STEP_ESCALATE
                return Command(action=action, escalate_to=group) if moves else None
            case StepAction.REASSIGN:
                user = await _other(uow, rules, ticket, rule)
                return Command(action=Action.STEP_REASSIGN, user=user) if user else None
            case _:
                return None


_MOVES = frozenset({StepAction.ESCALATE, StepAction.REASSIGN})


async def _group(uow: UnitOfWork, rules: Rules, ticket: Ticket, rule: StepRule) -> Group:
    """Where an escalation leads: to the group it names, to the head, or to the level's group."""
    if rule.to == "head":
        return assigning.head_of(rules, ticket)
    level = rule.to_level or ticket.level
    name = rule.to if rule.to in rules.groups else assigning.group_at(rules, ticket, level)
    group = rules.groups.get(name or "")
    if group is None:
        return Group(id=None, level=level)
    assignee = await assigning.in_group(uow, rules, ticket, group)
    return Group(id=group.id, level=group.level, assignee=assignee)


async def _other(uow: UnitOfWork, rules: Rules, ticket: Ticket, rule: StepRule) -> str | None:
    """Who else gets the appeal: of a group, the head of department, or a user by name."""
    department = assigning.department_of(rules, ticket)
    if rule.to == "head":
        users = [department.head] if department is not None and department.head else []
    elif rule.to == "group":
        users = department.users if department is not None else []
    elif rule.to in rules.groups:
        users = rules.groups[rule.to].users
    else:
        users = [rule.to] if rule.to else []
    return await assigning.pick(uow, rules, ticket, users, but=ticket.owner)


def _told(rules: Rules, ticket: Ticket, rule: StepRule) -> tuple[str, ...]:
    """Who is to be told, by id; nobody where there is no such person."""
    department = assigning.department_of(rules, ticket)
    named = {
        "owner": ticket.owner,
        "group": ticket.group,
        "head": department.head if department is not None else None,
        "expert": ticket.expert,
        "insurer": ticket.details.insurer,
    }
    told = named.get(rule.to, rule.to) if rule.to is not None else None
    return (told,) if told is not None else ()


def _event(
    rules: Rules, before: Ticket, ticket: Ticket, step: DueStep, rule: StepRule, **outcome: Any
) -> TicketStepFired:
    return TicketStepFired(
        ticket_id=ticket.id,
        number=ticket.number,
        clock=step.clock,
        generation=step.generation,
        step=step.step,
        action=rule.do,
        to=_told(rules, ticket, rule),
        due_at=next(
            clock.due_at
            for clock in before.clocks
            if (clock.kind, clock.generation) == (step.clock, step.generation)
        ),
        status=ticket.status,
        level=ticket.level,
        owner=ticket.owner,
        group=ticket.group,
        insurer=ticket.details.insurer,
        priority=ticket.priority,
        **outcome,
    )
