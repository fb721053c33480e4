"""What a command names must be there: groups, insurers, experts and other appeals."""

from dataclasses import replace

from careline_common.db.unit_of_work import UnitOfWork
from careline_tickets.config import Rules
from careline_tickets.db import reading
from careline_tickets.db.repository import Repository
from careline_tickets.domain.ticket import Command, Group, InvalidCommandError, Ticket
from careline_tickets.domain.vocabulary import Action, Status


class Resolver:
    """Raises `InvalidCommandError` for what is not there."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def resolved(
        self, uow: UnitOfWork, rules: Rules, ticket: Ticket, command: Command
    ) -> Command:
        match command.action:
            case Action.ESCALATE:
                group = await self._group(uow, rules, ticket, command)
                return replace(command, escalate_to=group)
            case Action.SEND_TO_INSURER:
                _check_insurer(rules, command)
            case Action.INVITE_EXPERT:
                _check_expert(rules, command)
            case Action.MERGE:
                await self._check_target(uow, command)
            case _:
                pass
        return command

    async def _group(
        self, uow: UnitOfWork, rules: Rules, ticket: Ticket, command: Command
    ) -> Group | None:
        """To a level goes to the group of the appeal's subject, where that is of this level."""
        name, level = command.to_group, command.to_level
        if name is not None and name not in rules.groups:
            raise InvalidCommandError("to_group", f"there is no group {name!r}")
        if name is None and level is not None:
            subject = rules.subjects.get(ticket.details.subject or "")
            candidate = subject.group if subject is not None else None
            fits = candidate in rules.groups and rules.groups[candidate].level == level
            name = candidate if fits else None
        if name is None:
            return None if level is None else Group(id=None, level=level)
        group = rules.groups[name]
        if level not in {None, group.level}:
            raise InvalidCommandError("to_level", f"the group {name!r} is of level {group.level}")
        assignee = await reading.least_loaded(uow.connection, group.users)
        return Group(id=name, level=group.level, assignee=assignee)

    async def _check_target(self, uow: UnitOfWork, command: Command) -> None:
        """Nothing is merged into what is merged itself, so that no circle can come about."""
        if command.into is None:
            return
        target = await self._repository.find(uow.connection, command.into)
        if target is None:
            raise InvalidCommandError("into", "there is no such appeal")
        if target.ticket.status is Status.MERGED:
            raise InvalidCommandError("into", f"is merged itself, into {target.ticket.merged_into}")


def _check_insurer(rules: Rules, command: Command) -> None:
    if command.insurer is not None and rules.insurers and command.insurer not in rules.insurers:
        raise InvalidCommandError("insurer", f"there is no insurer {command.insurer!r}")


def _check_expert(rules: Rules, command: Command) -> None:
    """A user who is not configured may be known to the issuer of tokens alone."""
    user = rules.users.get(command.user or "")
    if user is not None and "expert" not in user.roles:
        raise InvalidCommandError("user", f"{user.id!r} is no expert")
