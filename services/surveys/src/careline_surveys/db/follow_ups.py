"""Bad answers and what became of them: one row an invitation, whatever is told again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_surveys.db.contacts import Contact
from careline_surveys.db.tables import follow_up, invitation, person

Because = Literal["low_score", "complaint"]
State = Literal["open", "closed"]
"""Whether its appeal still is to be worked on; one without an appeal yet is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """`called_back_at`: we reached the patient; `called_again_at`: he called us and was served."""

    invitation_id: str
    because: Sequence[str]
    opened_at: datetime
    ticket_id: str | None
    ticket_number: str | None
    ticket_status: str | None
    outcome: str | None
    closed_at: datetime | None
    called_back_at: datetime | None
    called_back_by: str | None
    called_again_at: datetime | None


_COLUMNS = [follow_up.c[name] for name in FollowUp.__dataclass_fields__]


async def open_one(
    connection: AsyncConnection, invitation_id: str, because: Because, at: datetime
) -> None:
    """Notes a bad answer; a further one of the same invitation adds its reason alone."""
    statement = insert(follow_up).values(
        invitation_id=invitation_id, because=[because], opened_at=at
    )
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[follow_up.c.invitation_id],
            set_={"because": func.array_append(follow_up.c.because, because)},
            where=literal(because) != func.all(follow_up.c.because),
        )
    )


async def is_open(connection: AsyncConnection, invitation_id: str) -> bool:
    found = await connection.execute(
        select(follow_up.c.invitation_id).where(follow_up.c.invitation_id == invitation_id)
    )
    return found.first() is not None


async def followed(connection: AsyncConnection, person_keys: Iterable[bytes | None]) -> set[bytes]:
    """The keys of those people with whom something is followed up."""
    found = await connection.execute(
        select(person.c.number_key)
        .join(invitation, invitation.c.person_id == person.c.id)
        .join(follow_up, follow_up.c.invitation_id == invitation.c.id)
        .where(person.c.number_key.in_([key for key in person_keys if key is not None]))
        .distinct()
    )
    return set(found.scalars())


async def talked(connection: AsyncConnection, call: Contact, answered_at: datetime) -> None:
    """Notes a handled call with a person on all that is to be followed up with him.

    The first call after the bad answer counts, whichever is heard of first.
    """
    told_by_callback = (follow_up.c.called_back_at, {"called_back_by": call.call_id})
    column, more = told_by_callback if call.callback else (follow_up.c.called_again_at, {})
    his = (
        select(invitation.c.id)
        .join(person, person.c.id == invitation.c.person_id)
        .where(person.c.number_key == call.person_key)
    )
    await connection.execute(
        update(follow_up)
        .where(
            follow_up.c.invitation_id.in_(his),
            follow_up.c.opened_at < answered_at,
            or_(column.is_(None), column > answered_at),
        )
        .values({column.name: answered_at, **more})
    )


async def appeal_is(
    connection: AsyncConnection,
    invitation_id: str,
    *,
    version: int,
    ticket_id: str,
    number: str,
    status: str,
) -> None:
    """The appeal has come to this status with this version; what is older is no news."""
    await connection.execute(
        update(follow_up)
        .where(follow_up.c.invitation_id == invitation_id, follow_up.c.ticket_version < version)
        .values(
            ticket_id=ticket_id, ticket_number=number, ticket_status=status, ticket_version=version
        )
    )


async def appeal_closed(
    connection: AsyncConnection, invitation_id: str, *, version: int, outcome: str, at: datetime
) -> None:
    """The appeal was closed with this version: the last time it was is what stands."""
    await connection.execute(
        update(follow_up)
        .where(follow_up.c.invitation_id == invitation_id, follow_up.c.closed_version < version)
        .values(outcome=outcome, closed_at=at, closed_version=version)
    )


async def listed(
    connection: AsyncConnection,
    *,
    state: State | None,
    called_back: bool | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> Sequence[FollowUp]:
    """Newest first; conditions narrow together."""
    statement = (
        select(*_COLUMNS)
        .order_by(follow_up.c.opened_at.desc(), follow_up.c.invitation_id.desc())
        .limit(limit)
    )
    done = func.coalesce(follow_up.c.ticket_status, "").in_(["closed", "merged"])
    if state is not None:
        statement = statement.where(done if state == "closed" else ~done)
    if called_back is not None:
        reached = follow_up.c.called_back_at.is_not(None)
        statement = statement.where(reached if called_back else ~reached)
    if after is not None:
        key = tuple_(follow_up.c.opened_at, follow_up.c.invitation_id)
        statement = statement.where(key < after)
    return [FollowUp(**row._mapping) for row in await connection.execute(statement)]  # noqa: SLF001
