"""What is read back of calls, agents, offers, commands and messages."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    Row,
    Select,
    bindparam,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.one_of import one_of
from careline_router.db.reading_callbacks import numbers_to_dial
from careline_router.db.tables import (
    agent_message,
    agent_session,
    call_contact,
    call_record,
    decision,
    offer,
    pbx_command,
)
from careline_router.views import AgentMessage, PbxCommand

MOST_COMMANDS = 200
DIAL = "dial"
MOST_MISSED = 5_000
"""More than an agent is told in the hour for which it is kept."""


def _calls() -> Select[*tuple[Any, ...]]:
    contact = call_contact.c
    return select(call_record, contact.phone, contact.name, contact.attributes).outerjoin(
        call_contact, contact.call_id == call_record.c.id
    )


async def call(connection: AsyncConnection, call_id: str) -> Row[*tuple[Any, ...]] | None:
    found = await connection.execute(_calls().where(call_record.c.id == call_id))
    return found.one_or_none()


_BY_PBX = _calls().where(
    call_record.c.pbx == bindparam("pbx"), call_record.c.pbx_call_id == bindparam("pbx_call_id")
)


async def call_by_pbx(
    connection: AsyncConnection, pbx: str, pbx_call_id: str
) -> Row[*tuple[Any, ...]] | None:
    found = await connection.execute(_BY_PBX, {"pbx": pbx, "pbx_call_id": pbx_call_id})
    return found.one_or_none()


async def calls(
    connection: AsyncConnection,
    *,
    state: str | None,
    queue: str | None,
    agent: str | None,
    teams: frozenset[str],
    everybody: bool,
    after: tuple[datetime, str] | None,
    limit: int,
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Newest first; `after` is (arrived_at, id) of the last one seen.

    Without `everybody` those of an agent, and of teams together with those that nobody has had.
    """
    statement = _calls().where(call_record.c.control != "desk")
    if not everybody:
        shown = [call_record.c.agent == (agent or "")]
        if teams:
            shown += [call_record.c.team.in_(teams), call_record.c.agent.is_(None)]
        statement = statement.where(or_(*shown))
    if state is not None:
        statement = statement.where(call_record.c.state == state)
        if state != "ended":
            statement = statement.where(call_record.c.ended_at.is_(None))
    if queue is not None:
        statement = statement.where(call_record.c.queue == queue)
    if after is not None:
        statement = statement.where(
            tuple_(call_record.c.arrived_at, call_record.c.id) < tuple_(*after)
        )
    order = (call_record.c.arrived_at.desc(), call_record.c.id.desc())
    return (await connection.execute(statement.order_by(*order).limit(limit))).all()


_CALLS_BY_ID = _calls().where(one_of(call_record.c.id, "ids"))


async def calls_by_id(
    connection: AsyncConnection, call_ids: Sequence[str]
) -> dict[str, Row[*tuple[Any, ...]]]:
    """Calls by id."""
    found = await connection.execute(_CALLS_BY_ID, {"ids": call_ids})
    return {row.id: row for row in found}


async def decisions(connection: AsyncConnection, call_id: str) -> Sequence[Row[*tuple[Any, ...]]]:
    found = await connection.execute(
        select(decision)
        .where(decision.c.call_id == call_id)
        .order_by(decision.c.at, decision.c.offer_id)
    )
    return found.all()


_SESSIONS = select(agent_session)
_SESSIONS_OF = _SESSIONS.where(one_of(agent_session.c.agent, "agents"))


async def sessions(
    connection: AsyncConnection, agents: Sequence[str] | None = None
) -> dict[str, Row[*tuple[Any, ...]]]:
    """Sessions by agent; of all agents, or of some."""
    found = await (
        connection.execute(_SESSIONS)
        if agents is None
        else connection.execute(_SESSIONS_OF, {"agents": agents})
    )
    return {row.agent: row for row in found}


_OPEN_OFFERS_OF = select(offer).where(offer.c.closed_at.is_(None), one_of(offer.c.agent, "agents"))


async def open_offers(
    connection: AsyncConnection, agents: Sequence[str]
) -> dict[str, Row[*tuple[Any, ...]]]:
    """Open offers by agent."""
    found = await connection.execute(_OPEN_OFFERS_OF, {"agents": agents})
    return {row.agent: row for row in found}


async def open_offer_of_call(
    connection: AsyncConnection, call_id: str
) -> Row[*tuple[Any, ...]] | None:
    found = await connection.execute(
        select(offer).where(offer.c.call_id == call_id, offer.c.closed_at.is_(None))
    )
    return found.one_or_none()


async def call_of_offer(
    connection: AsyncConnection, pbx: str, offer_id: str
) -> Row[*tuple[Any, ...]] | None:
    """Id and PBX's id of the call of an offer, if the call is this PBX's."""
    found = await connection.execute(
        select(call_record.c.id, call_record.c.pbx_call_id)
        .join(offer, offer.c.call_id == call_record.c.id)
        .where(offer.c.id == offer_id, call_record.c.pbx == pbx)
    )
    return found.one_or_none()


async def message_number(connection: AsyncConnection, agent: str) -> int:
    found = await connection.execute(
        select(agent_session.c.message_seq).where(agent_session.c.agent == agent)
    )
    return found.scalar_one_or_none() or 0


async def messages(
    connection: AsyncConnection, agent: str, *, after: int, upto: int
) -> list[AgentMessage]:
    """The newest of an agent's messages with numbers in (after, upto], in order."""
    found = await connection.execute(
        select(agent_message)
        .where(
            agent_message.c.agent == agent,
            agent_message.c.seq > after,
            agent_message.c.seq <= upto,
        )
        .order_by(agent_message.c.seq.desc())
        .limit(MOST_MISSED)
    )
    newest = [AgentMessage(seq=row.seq, type=row.type, at=row.at, data=row.data) for row in found]
    return newest[::-1]


_DUE = (
    select(pbx_command.c.id)
    .where(
        pbx_command.c.pbx == bindparam("of_pbx"),
        pbx_command.c.done_at.is_(None),
        or_(pbx_command.c.type != DIAL, bindparam("named", type_=Boolean)),
        func.coalesce(pbx_command.c.sent_at, text("'-infinity'")) <= bindparam("sent_before"),
    )
    .order_by(pbx_command.c.seq)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_TAKE = (
    update(pbx_command)
    .where(pbx_command.c.id.in_(_DUE))
    .values(sent_at=bindparam("at"))
    .returning(pbx_command)
)


async def take_commands(
    connection: AsyncConnection,
    pbx: str,
    *,
    now: datetime,
    again_after: timedelta,
    most: int = MOST_COMMANDS,
    may_name: bool = False,
) -> list[PbxCommand]:
    """The commands a PBX has not been sent yet, or has not carried out in time; marks them sent.

    `may_name`: also `dial`, with the number of the person. Only for answers that are kept nowhere.
    """
    asked = {
        "of_pbx": pbx,
        "named": may_name,
        "sent_before": now - again_after,
        "most": most,
        "at": now,
    }
    found = (await connection.execute(_TAKE, asked)).all()
    dials = [row.call_id for row in found if row.type == DIAL]
    numbers = await numbers_to_dial(connection, dials)
    return [
        PbxCommand(
            id=row.id,
            pbx=row.pbx,
            type=row.type,
            call_id=row.call_id,
            pbx_call_id=row.pbx_call_id,
            body={**row.body, "number": numbers.get(row.call_id)} if row.type == DIAL else row.body,
        )
        for row in sorted(found, key=lambda row: row.seq)
    ]


_COMMAND = select(pbx_command).where(
    pbx_command.c.pbx == bindparam("of_pbx"), pbx_command.c.id == bindparam("command_id")
)
_MARK_DONE = (
    update(pbx_command)
    .where(pbx_command.c.id == bindparam("command_id"), pbx_command.c.done_at.is_(None))
    .values(done_at=bindparam("at"), ok=bindparam("well"))
)
"""Made once, as those below: to make one takes as long as to carry it out."""


async def command(
    connection: AsyncConnection, pbx: str, command_id: str
) -> Row[*tuple[Any, ...]] | None:
    found = await connection.execute(_COMMAND, {"of_pbx": pbx, "command_id": command_id})
    return found.one_or_none()


async def mark_done(
    connection: AsyncConnection, command_id: str, *, ok: bool, at: datetime
) -> bool:
    """Whether the command was still open until now."""
    marked = await connection.execute(_MARK_DONE, {"command_id": command_id, "at": at, "well": ok})
    return marked.rowcount == 1


_CLOSE_COMMANDS = (
    update(pbx_command)
    .where(
        pbx_command.c.call_id == bindparam("of_call"),
        pbx_command.c.done_at.is_(None),
        pbx_command.c.type != "cancel_ring",
    )
    .values(done_at=bindparam("at"), ok=False)
)


async def close_commands(connection: AsyncConnection, call_id: str, at: datetime) -> None:
    """Nobody is left to carry out what is open for a call whose caller is gone."""
    await connection.execute(_CLOSE_COMMANDS, {"of_call": call_id, "at": at})


_CARRIED_OUT = select(pbx_command.c.offer_id).where(
    one_of(pbx_command.c.call_id, "calls"),
    one_of(pbx_command.c.offer_id, "offers"),
    pbx_command.c.type == bindparam("kind"),
    pbx_command.c.ok,
)


async def carried_out(
    connection: AsyncConnection, kind: str, call_ids: Sequence[str], offer_ids: Sequence[str]
) -> frozenset[str]:
    """Of these offers those whose `ring` the PBX has carried out, or whose `dial` it has begun."""
    asked = {"calls": call_ids, "offers": offer_ids, "kind": kind}
    return frozenset((await connection.execute(_CARRIED_OUT, asked)).scalars())
