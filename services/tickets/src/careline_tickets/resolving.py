"""What a command names must be there: groups, insurers, experts and other appeals."""

from dataclasses import replace

from careline_common.db.unit_of_work import UnitOfWork
from careline_tickets import assigning
from careline_tickets.config import Rules
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
            case Action.RETURN:
                return replace(command, escalate_to=await _head(uow, rules, ticket))
            case Action.SEND_TO_INSURER:
                _check_insurer(rules, command)
            case Action.INVITE_EXPERT:
                _check_expert(rules, command)
            case Action.MERGE:
                await self.check_target(uow, command)
            case Action.ACCEPT | Action.CLOSE:
                _check_root_cause(rules, command)
            case _:
                pass
        return command

    async def _group(
        self, uow: UnitOfWork, rules: Rules, ticket: Ticket, command: Command
    ) -> Group | None:
        name, level = command.to_group, command.to_level
        if name is not None and name not in rules.groups:
            raise InvalidCommandError("to_group", f"there is no group {name!r}")
        if name is None and level is not None:
            name = assigning.group_at(rules, ticket, level)
        if name is None:
            return None if level is None else Group(id=None, level=level)
        group = rules.groups[name]
        if level not in {None, group.level}:
            raise InvalidCommandError("to_level", f"the group {name!r} is of level {group.level}")
        assignee = await assigning.in_group(uow, rules, ticket, group)
        return Group(id=name, level=group.level, assignee=assignee)

    async def check_target(self, uow: UnitOfWork, command: Command) -> None:
        """Nothing is merged into what has ended: so no circle can come about, and no promise that
        still runs is lost in one that does not."""
        if command.into is None:
            return
        target = await self._repository.find(uow.connection, command.into)
        if target is None:
            raise InvalidCommandError("into", "there is no such appeal")
        if target.ticket.status is Status.MERGED:
            raise InvalidCommandError("into", f"is merged itself, into {target.ticket.merged_into}")
        if target.ticket.status is Status.CLOSED:
            raise InvalidCommandError("into", "is closed: reopen it first")


async def _head(uow: UnitOfWork, rules: Rules, ticket: Ticket) -> Group:
    """The head of department, or who stands in for him."""
    head = assigning.head_of(rules, ticket)
    if head.assignee is None:
        return head
    return replace(head, assignee=await assigning.pick(uow, rules, ticket, [head.assignee]))


def _check_insurer(rules: Rules, command: Command) -> None:
    if command.insurer is not None and rules.insurers and command.insurer not in rules.insurers:
        raise InvalidCommandError("insurer", f"there is no insurer {command.insurer!r}")


def _check_expert(rules: Rules, command: Command) -> None:
    """A user who is not configured may be known to the issuer of tokens alone."""
    user = rules.users.get(command.user or "")
    if user is not None and "expert" not in user.roles:
        raise InvalidCommandError("user", f"{user.id!r} is no expert")


def _check_root_cause(rules: Rules, command: Command) -> None:
    """Without a list of root causes any word is one."""
    cause = command.root_cause
    if cause is not None and rules.root_causes and cause not in rules.root_causes:
        raise InvalidCommandError("root_cause", f"there is no root cause {cause!r}")
