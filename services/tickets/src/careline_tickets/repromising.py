"""What is configured now given to appeals that were promised something else: only when asked for.

An appeal keeps the policy it was registered under. Giving open ones another is a command of its own,
which first says how many it would change; what was promised before stays in their history.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.engine import Database
from careline_tickets.config import Rules
from careline_tickets.db import tables
from careline_tickets.db.reading import OPEN
from careline_tickets.domain.clocks import Policy
from careline_tickets.domain.ticket import Command
from careline_tickets.domain.vocabulary import Action, Role
from careline_tickets.domain.workflow import Actor
from careline_tickets.service import Journal

BATCH = 50
"""So many appeals a transaction: nobody waits long for one of them."""

t = tables.ticket.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Open appeals alike in what promises depend on, which have another policy than is configured."""

    kind: str
    subject: str | None
    insurer: str | None
    channel: str
    before: str | None
    after: Policy | None
    appeals: int

    @property
    def clauses(self) -> tuple[ColumnElement[bool], ...]:
        return (
            OPEN,
            t.kind == self.kind,
            t.subject.is_not_distinct_from(self.subject),
            t.insurer.is_not_distinct_from(self.insurer),
            t.channel == self.channel,
            t.policy_id.is_not_distinct_from(self.before),
        )


async def differences(connection: AsyncConnection, rules: Rules) -> list[Difference]:
    """Which open appeals are promised something else than they would be now."""
    keys = (t.kind, t.subject, t.insurer, t.channel, t.policy_id)
    found = await connection.execute(
        select(*keys, func.count().label("appeals")).where(OPEN).group_by(*keys).order_by(*keys)
    )
    return [one for row in found if (one := _difference(row, rules)) is not None]


def _difference(row: Row[Any], rules: Rules) -> Difference | None:
    policy = rules.policy(
        kind=row.kind, subject=row.subject, insurer=row.insurer, channel=row.channel
    )
    if (policy.id if policy is not None else None) == row.policy_id:
        return None
    return Difference(
        kind=row.kind,
        subject=row.subject,
        insurer=row.insurer,
        channel=row.channel,
        before=row.policy_id,
        after=policy,
        appeals=row.appeals,
    )


async def give(
    database: Database, journal: Journal, differing: Sequence[Difference], who: str, *, most: int
) -> int:
    """Gives up to `most` of these appeals what is promised now; returns how many it gave it to.

    A batch is a transaction. Who comes to grief in between asks again: what was done differs no more.
    """
    actor = Actor(id=who, roles=frozenset({Role.SYSTEM}))
    done = 0
    for one in differing:
        while done < most:
            given = await _give_batch(database, journal, one, actor, min(BATCH, most - done))
            done += given
            if not given:
                break
    return done


async def _give_batch(
    database: Database, journal: Journal, one: Difference, actor: Actor, limit: int
) -> int:
    command = Command(action=Action.APPLY_POLICY, policy=one.after)
    async with database.unit_of_work() as uow:
        chosen = select(tables.ticket).where(*one.clauses).order_by(t.id).limit(limit)
        rows = (await uow.connection.execute(chosen.with_for_update())).mappings().all()
        for stored in await journal.repository.stored(uow.connection, rows):
            await journal.act(uow, stored, command, actor)
    return len(rows)
