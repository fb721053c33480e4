"""Invitations: one row for each survey and reference."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.copying import copy_rows, driver_of
from careline_surveys.db.tables import definition_version, invitation, message
from careline_surveys.domain.definitions import Definition
from careline_surveys.domain.invitations import UNANSWERED, Invitation, Reference, Subject
from careline_surveys.domain.matching import Asked

NOTICE = "careline/notice"
"""Stands where a survey's key does, for what asks nothing (`notices`); no survey can be called so."""

_SUBJECT = ("call_id", "line", "agent", "team", "queue", "organisation", "insurer")
_PLAIN = (
    "id", "survey", "survey_version", "service", "person_id", "language", "status", "reason",
    "created_at", "send_at", "send_until", "sent_at", "delivered_at", "reply_until", "asked_again_at",
    "form_used_at", "version",
)  # fmt: skip


_KNOWN = text("""
    SELECT survey, reference_type, reference_id FROM surveys.invitation
    WHERE (survey, reference_type, reference_id) IN (
        SELECT * FROM unnest(CAST(:surveys AS text[]), CAST(:types AS text[]), CAST(:ids AS text[])))
    """)
_MOVE = text("""
    UPDATE surveys.invitation AS i
    SET status = to_be.status, reason = to_be.reason, sent_at = to_be.sent_at,
        delivered_at = to_be.delivered_at, reply_until = to_be.reply_until, version = to_be.version
    FROM unnest(
        CAST(:ids AS text[]), CAST(:statuses AS text[]), CAST(:reasons AS text[]),
        CAST(:sent AS timestamptz[]), CAST(:delivered AS timestamptz[]),
        CAST(:reply AS timestamptz[]), CAST(:versions AS integer[])
    ) AS to_be (id, status, reason, sent_at, delivered_at, reply_until, version)
    WHERE i.id = to_be.id""")
_LAST_ASKED = text("""
    SELECT person_id, survey, max(coalesce(sent_at, send_at)) AS at FROM surveys.invitation
    WHERE person_id = ANY(CAST(:people AS text[])) AND status <> 'suppressed'
    GROUP BY person_id, survey""")


def _read(row: Any) -> Invitation:
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return Invitation(
        **{name: values[name] for name in _PLAIN},
        reference=Reference(type=values["reference_type"], id=values["reference_id"]),
        subject=Subject(**{name: values[name] for name in _SUBJECT}),
    )


async def keep_version(connection: AsyncConnection, survey: str, version: int, body: Any) -> None:
    """Keeps a definition as it stands, for as long as invitations go on with it."""
    await connection.execute(
        insert(definition_version)
        .values(survey=survey, version=version, body=body)
        .on_conflict_do_nothing()
    )


async def version_body(connection: AsyncConnection, survey: str, version: int) -> Any:
    found = await connection.execute(
        select(definition_version.c.body).where(
            definition_version.c.survey == survey, definition_version.c.version == version
        )
    )
    return found.scalar_one()


def _values(new: Invitation, definition: Definition) -> dict[str, Any]:
    values = {name: getattr(new, name) for name in _PLAIN}
    values |= {name: getattr(new.subject, name) for name in _SUBJECT}
    values |= {"reference_type": new.reference.type, "reference_id": new.reference.id}
    return values | {"metrics": list(definition.metrics), "min_n": definition.rules.min_n}


async def add_several(
    connection: AsyncConnection, new: Sequence[tuple[Invitation, Definition]]
) -> None:
    """`add` for many; raises when one of their surveys already has one for its reference."""
    rows = [_values(each, definition) for each, definition in new]
    if rows:
        columns = list(rows[0])
        records = [tuple(row[name] for name in columns) for row in rows]
        await copy_rows(driver_of(connection), invitation, columns, records)


async def known(
    connection: AsyncConnection, asked: Sequence[tuple[str, Reference]]
) -> Collection[tuple[str, Reference]]:
    """Those of these surveys and references that have an invitation."""
    found = await connection.execute(
        _KNOWN,
        {
            "surveys": [survey for survey, _ in asked],
            "types": [reference.type for _, reference in asked],
            "ids": [reference.id for _, reference in asked],
        },
    )
    return {(row.survey, Reference(type=row.reference_type, id=row.reference_id)) for row in found}


async def last_asked_of(
    connection: AsyncConnection, people: Sequence[str]
) -> Mapping[tuple[str, str | None], datetime]:
    """`last_asked` of many, by person and survey, and by person alone."""
    last: dict[tuple[str, str | None], datetime] = {}
    for row in await connection.execute(_LAST_ASKED, {"people": list(people)}):
        if row.at is not None:
            last[row.person_id, row.survey] = row.at
            last[row.person_id, None] = max(row.at, last.get((row.person_id, None), row.at))
    return last


async def add(connection: AsyncConnection, new: Invitation, definition: Definition) -> bool:
    """Writes an invitation; False when its survey already has one for this reference."""
    values = _values(new, definition)
    added = await connection.execute(
        insert(invitation).values(values).on_conflict_do_nothing().returning(invitation.c.id)
    )
    return added.first() is not None


async def get(
    connection: AsyncConnection, invitation_id: str, *, lock: bool = False
) -> Invitation | None:
    statement = select(invitation).where(invitation.c.id == invitation_id)
    if lock:
        statement = statement.with_for_update()
    row = (await connection.execute(statement)).first()
    return None if row is None else _read(row)


async def locked(connection: AsyncConnection, ids: Select[tuple[str]]) -> Mapping[str, Invitation]:
    """Invitations by id, locked in the order of their ids: two who lock several never deadlock."""
    statement = (
        select(invitation)
        .where(invitation.c.id.in_(ids))
        .order_by(invitation.c.id)
        .with_for_update()
    )
    return {row.id: _read(row) for row in await connection.execute(statement)}


async def several(connection: AsyncConnection, ids: Collection[str]) -> Mapping[str, Invitation]:
    statement = select(invitation).where(invitation.c.id.in_(ids))
    return {row.id: _read(row) for row in await connection.execute(statement)}


async def by_reference(
    connection: AsyncConnection, reference: Reference, survey: str | None = None
) -> Invitation | None:
    """The invitation for a reference; without a survey named, the first one there was."""
    statement = (
        select(invitation)
        .where(
            invitation.c.reference_type == reference.type,
            invitation.c.reference_id == reference.id,
        )
        .order_by(invitation.c.created_at, invitation.c.id)
        .limit(1)
    )
    if survey is not None:
        statement = statement.where(invitation.c.survey == survey)
    row = (await connection.execute(statement)).first()
    return None if row is None else _read(row)


async def listed(
    connection: AsyncConnection,
    *,
    status: str | None,
    reason: str | None = None,
    reference_id: str | None,
    person_id: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> Sequence[Invitation]:
    """Newest first; conditions narrow together."""
    statement = (
        select(invitation)
        .where(invitation.c.survey != NOTICE)
        .order_by(invitation.c.created_at.desc(), invitation.c.id.desc())
        .limit(limit)
    )
    if status is not None:
        statement = statement.where(invitation.c.status == status)
    if reason is not None:
        statement = statement.where(invitation.c.reason == reason)
    if reference_id is not None:
        statement = statement.where(invitation.c.reference_id == reference_id)
    if person_id is not None:
        statement = statement.where(invitation.c.person_id == person_id)
    if after is not None:
        statement = statement.where(tuple_(invitation.c.created_at, invitation.c.id) < after)
    return [_read(row) for row in await connection.execute(statement)]


async def of_person(connection: AsyncConnection, person_id: str) -> Sequence[Invitation]:
    statement = (
        select(invitation)
        .where(invitation.c.person_id == person_id)
        .order_by(invitation.c.created_at, invitation.c.id)
    )
    return [_read(row) for row in await connection.execute(statement)]


async def about(
    connection: AsyncConnection, reference_type: str, ids: Collection[str]
) -> Sequence[Invitation]:
    """All that ask about some of these things, oldest first."""
    statement = (
        select(invitation)
        .where(invitation.c.reference_id.in_(ids), invitation.c.reference_type == reference_type)
        .order_by(invitation.c.created_at, invitation.c.id)
    )
    return [_read(row) for row in await connection.execute(statement)]


async def end_replies_of(connection: AsyncConnection, person_id: str, now: datetime) -> None:
    """Ends the time in which what a person was asked may be answered."""
    await connection.execute(
        update(invitation)
        .where(invitation.c.person_id == person_id, invitation.c.reply_until > now)
        .values(reply_until=now, version=invitation.c.version + 1)
    )


async def move(connection: AsyncConnection, moved: Sequence[Invitation]) -> None:
    """Writes where invitations stand; the caller has locked them and counted their versions up."""
    await connection.execute(
        _MOVE,
        {
            "ids": [each.id for each in moved],
            "statuses": [each.status for each in moved],
            "reasons": [each.reason for each in moved],
            "sent": [each.sent_at for each in moved],
            "delivered": [each.delivered_at for each in moved],
            "reply": [each.reply_until for each in moved],
            "versions": [each.version for each in moved],
        },
    )


async def change(connection: AsyncConnection, invitation_id: str, **values: Any) -> Invitation:
    """Changes a row that the caller has locked; its version goes up by one."""
    changed = await connection.execute(
        update(invitation)
        .where(invitation.c.id == invitation_id)
        .values(version=invitation.c.version + 1, **values)
        .returning(invitation)
    )
    return _read(changed.one())


async def last_asked(
    connection: AsyncConnection, person_id: str, survey: str | None = None
) -> datetime | None:
    """When this person was last asked, or is about to be; by one survey or by any.

    What surely did not reach him has not disturbed him.
    """
    statement = select(func.max(func.coalesce(invitation.c.sent_at, invitation.c.send_at))).where(
        invitation.c.person_id == person_id, invitation.c.status.not_in(("suppressed", "failed"))
    )
    if survey is not None:
        statement = statement.where(invitation.c.survey == survey)
    last: datetime | None = (await connection.execute(statement)).scalar_one()
    return last


async def asked_between(
    connection: AsyncConnection, survey: str, begin: datetime, end: datetime
) -> int:
    """How many a survey asks in a span; whoever counts against a cap holds the survey's turn."""
    await connection.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(f"surveys cap {survey}", 0)))
    )
    statement = select(func.count()).where(
        invitation.c.survey == survey,
        invitation.c.send_at >= begin,
        invitation.c.send_at < end,
        invitation.c.status != "suppressed",
    )
    return int((await connection.execute(statement)).scalar_one())


async def asked_of(connection: AsyncConnection, person_id: str, limit: int = 50) -> Sequence[Asked]:
    """What a person was asked last, newest first, with the time of the latest question.

    Nothing is locked: whoever goes on with one of them locks that one and looks again.
    A reply may be quicker than the provider's own answer, so what is just being sent counts too.
    """
    in_hand = exists().where(
        message.c.invitation_id == invitation.c.id, message.c.state == "sending"
    )
    asked_at = (
        select(func.max(message.c.claimed_at))
        .where(message.c.invitation_id == invitation.c.id, message.c.purpose != "again")
        .scalar_subquery()
    )
    statement = (
        select(invitation, asked_at.label("asked_at"), in_hand.label("in_hand"))
        .where(
            invitation.c.person_id == person_id,
            or_(
                invitation.c.sent_at.is_not(None),
                and_(invitation.c.status == "scheduled", in_hand),
            ),
        )
        .order_by(invitation.c.created_at.desc(), invitation.c.id.desc())
        .limit(limit)
    )
    return [
        Asked(
            invitation=_read(row),
            at=max(filter(None, (row.asked_at, row.sent_at)), default=row.created_at),
            in_hand=row.in_hand,
        )
        for row in await connection.execute(statement)
    ]


async def scheduled_of(connection: AsyncConnection, person_id: str) -> Sequence[Invitation]:
    """What is still to be sent to a person and not yet in hand, locked."""
    in_hand = exists().where(
        message.c.invitation_id == invitation.c.id, message.c.state == "sending"
    )
    statement = (
        select(invitation)
        .where(invitation.c.person_id == person_id, invitation.c.status == "scheduled", ~in_hand)
        .order_by(invitation.c.id)
        .with_for_update(of=invitation)
    )
    return [_read(row) for row in await connection.execute(statement)]


async def overdue(connection: AsyncConnection, now: datetime, limit: int) -> Sequence[Invitation]:
    """What nobody answered or nothing could send in time, locked; what others work on is left."""
    in_hand = exists().where(
        message.c.invitation_id == invitation.c.id, message.c.state == "sending"
    )
    statement = (
        select(invitation)
        .where(
            or_(
                and_(invitation.c.status.in_(UNANSWERED), invitation.c.reply_until <= now),
                and_(invitation.c.status == "scheduled", invitation.c.send_until <= now, ~in_hand),
            )
        )
        .limit(limit)
        .with_for_update(of=invitation, skip_locked=True)
    )
    return [_read(row) for row in await connection.execute(statement)]
