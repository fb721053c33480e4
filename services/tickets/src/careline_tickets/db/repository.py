"""Appeals in and out of the database. What changes an appeal goes through here alone."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.copying import driver_of
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.observability.pii import PiiHasher
from careline_tickets.db import steps, tables, wording
from careline_tickets.db.rows import AnyRow, clock_values, read_clock, read_ticket, ticket_values
from careline_tickets.db.wording import vector_values
from careline_tickets.db.writing import Events, Insert, Part, Update, Wording, write
from careline_tickets.domain.clocks import Clock, Policy
from careline_tickets.domain.history import START, Entry, chained, digest
from careline_tickets.domain.person import Person
from careline_tickets.domain.policies import policy_body, read_policy
from careline_tickets.domain.ticket import Change, TextKind, Ticket
from careline_tickets.ports import Chance

NEXT_NUMBER = "SELECT nextval('tickets.ticket_number')"
FIND = "SELECT * FROM tickets.ticket WHERE id = $1"
FIND_LOCKED = f"{FIND} FOR UPDATE"
CLOCKS = "SELECT * FROM tickets.clock WHERE ticket_id = ANY($1) ORDER BY started_at, kind"
"""Asked at every action, so as they are sent: building a statement takes longer than carrying it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An appeal as it stands in the database, with the end of its history's chain."""

    ticket: Ticket
    chain: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A text of an appeal."""

    version: int
    kind: str
    author: str
    at: datetime
    body: str


class Repository:
    """Policies are remembered in the process: their rows never change.

    What was read may be of this very transaction, which may yet fail; so what was kept is another thing.
    """

    def __init__(self, *, hasher: PiiHasher, chance: Chance) -> None:
        self._hasher = hasher
        self._chance = chance
        self._policies: dict[str, Policy] = {}
        self._kept: set[str] = set()

    async def next_number(self, connection: AsyncConnection) -> int:
        """The number of the next appeal; one that is not used leaves a gap."""
        number: int = await driver_of(connection).fetchval(NEXT_NUMBER)
        return number

    async def insert(
        self,
        uow: UnitOfWork,
        ticket: Ticket,
        person: Person,
        changes: Sequence[Change],
        tell: Callable[[], None],
    ) -> bool:
        """Stores a new appeal with its history; False when its external id is there already.

        `tell` is called once it is sure to be new: the events that it emits are written along."""
        await self._keep_policy(uow, ticket.policy)
        entries, contents, chain = self._entries(uow, ticket.id, START, changes)
        values = {**ticket_values(ticket), "chain": chain}
        parts: list[Part] = [Insert(tables.ticket, [values])]
        if ticket.details.external is not None:
            statement = insert(tables.ticket).values(**values)
            inserted = await uow.connection.execute(
                statement.on_conflict_do_nothing(
                    index_elements=["external_source", "external_id"],
                    index_where=tables.ticket.c.external_id.is_not(None),
                ).returning(tables.ticket.c.id)
            )
            if inserted.first() is None:
                return False
            parts = []
        tell()
        people = [] if person.empty else [self._person_values(ticket, person)]
        parts += [
            Insert(tables.person, people),
            *_told(ticket, entries, contents),
            _clocks(ticket, ()),
            *steps.moved(None, ticket),
        ]
        await _write(uow, parts)
        return True

    async def save(self, uow: UnitOfWork, stored: Stored, ticket: Ticket, change: Change) -> None:
        """Stores one change of an appeal that was loaded for update, and the events told so far."""
        if ticket.policy is not stored.ticket.policy:
            await self._keep_policy(uow, ticket.policy)
        entries, contents, chain = self._entries(uow, ticket.id, stored.chain, [change])
        values = {**ticket_values(ticket), "chain": chain}
        parts = [
            Update(tables.ticket, values, ticket.id),
            *_told(ticket, entries, contents),
            _clocks(ticket, stored.ticket.clocks),
            *steps.moved(stored.ticket, ticket),
        ]
        await _write(uow, parts)
        before, after = stored.ticket.registered_at, ticket.registered_at
        if before != after:
            await wording.moved(uow.connection, ticket.id, before, after)

    async def put_person(self, uow: UnitOfWork, ticket: Ticket, person: Person) -> None:
        """Replaces who an appeal is about."""
        values = self._person_values(ticket, person)
        await uow.connection.execute(
            insert(tables.person)
            .values(values)
            .on_conflict_do_update(index_elements=["ticket_id"], set_=values)
        )

    async def find(
        self, connection: AsyncConnection, ticket_id: str, *, for_update: bool = False
    ) -> Stored | None:
        driver = driver_of(connection)
        rows = await driver.fetch(FIND_LOCKED if for_update else FIND, ticket_id)
        stored = await self.stored(connection, rows)
        return stored[0] if stored else None

    async def find_external(
        self,
        connection: AsyncConnection,
        source: str,
        external_id: str,
        *,
        for_update: bool = False,
    ) -> Stored | None:
        query = select(tables.ticket).where(
            tables.ticket.c.external_source == source, tables.ticket.c.external_id == external_id
        )
        return await self._one(connection, query, for_update=for_update)

    async def find_tracked(self, connection: AsyncConnection, code: str) -> Stored | None:
        query = select(tables.ticket).where(tables.ticket.c.tracking_code == code)
        return await self._one(connection, query, for_update=False)

    async def lock(self, connection: AsyncConnection, ticket_ids: Sequence[str]) -> None:
        """Takes several appeals for update, always in the same order."""
        await connection.execute(
            select(tables.ticket.c.id)
            .where(tables.ticket.c.id.in_(ticket_ids))
            .order_by(tables.ticket.c.id)
            .with_for_update()
        )

    async def person(self, connection: AsyncConnection, ticket_id: str) -> Person:
        """Who an appeal is about; empty when nobody is known or he was erased."""
        columns = tables.person.c
        found = await connection.execute(
            select(columns.phone, columns.name, columns.birth_date, columns.policy_number).where(
                columns.ticket_id == ticket_id
            )
        )
        row = found.one_or_none()
        return Person() if row is None else Person(**row._mapping)  # noqa: SLF001 - its public name

    async def contents(self, connection: AsyncConnection, ticket_id: str) -> list[Content]:
        """The texts of an appeal, oldest first."""
        columns = tables.content.c
        found = await connection.execute(
            select(columns.version, columns.kind, columns.author, columns.at, columns.body)
            .where(columns.ticket_id == ticket_id)
            .order_by(columns.version, columns.id)
        )
        return [Content(**row._mapping) for row in found]  # noqa: SLF001 - its public name

    async def stored(self, connection: AsyncConnection, rows: Sequence[AnyRow]) -> list[Stored]:
        """Rows of the ticket table with their clocks and policies, in the same order."""
        if not rows:
            return []
        found = await driver_of(connection).fetch(CLOCKS, [row["id"] for row in rows])
        clocks: dict[str, list[Clock]] = {}
        for row in found:
            clocks.setdefault(row["ticket_id"], []).append(read_clock(row))
        await self._learn_policies(connection, {row["policy_id"] for row in rows})
        return [
            Stored(
                ticket=read_ticket(
                    row,
                    tuple(clocks.get(row["id"], ())),
                    self._policies.get(row["policy_id"]),
                ),
                chain=bytes(row["chain"]),
            )
            for row in rows
        ]

    async def _one(
        self, connection: AsyncConnection, query: Select[Any], *, for_update: bool
    ) -> Stored | None:
        if for_update:
            query = query.with_for_update()
        rows = (await connection.execute(query)).mappings().all()
        found = await self.stored(connection, rows)
        return found[0] if found else None

    async def _keep_policy(self, uow: UnitOfWork, policy: Policy | None) -> None:
        if policy is None or policy.id in self._kept:
            return
        await uow.connection.execute(
            insert(tables.policy)
            .values(id=policy.id, body=policy_body(policy), created_at=uow.clock.now())
            .on_conflict_do_nothing()
        )
        uow.after_commit(lambda: self._kept.add(policy.id))

    async def _learn_policies(
        self, connection: AsyncConnection, policy_ids: set[str | None]
    ) -> None:
        unknown = policy_ids - self._policies.keys() - {None}
        if not unknown:
            return
        found = await connection.execute(
            select(tables.policy.c.id, tables.policy.c.body).where(tables.policy.c.id.in_(unknown))
        )
        for row in found:
            self._policies[row.id] = read_policy(row.id, row.body)

    def _person_values(self, ticket: Ticket, person: Person) -> dict[str, Any]:
        policy_key = person.policy_key
        return {
            "ticket_id": ticket.id,
            "phone": person.phone,
            "name": person.name,
            "birth_date": person.birth_date,
            "policy_number": person.policy_number,
            "phone_key": self._hasher.lookup(person.phone) if person.phone else None,
            "policy_key": self._hasher.lookup(policy_key) if policy_key else None,
        }

    def _entries(
        self, uow: UnitOfWork, ticket_id: str, previous: bytes, changes: Sequence[Change]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]], bytes]:
        """The rows of history and content for these changes, and the new end of the chain."""
        entries, contents = [], []
        for change in changes:
            texts = [self._content_values(uow, ticket_id, change, *text) for text in change.texts]
            entry = Entry(
                ticket_id=ticket_id,
                version=change.version,
                at=change.at,
                actor=change.actor,
                action=change.action,
                before=change.before,
                after=change.after,
                contents={text["id"]: digest(text["salt"], text["body"]) for text in texts},
            )
            hash_ = chained(previous, entry)
            entries.append(_entry_values(entry, previous, hash_))
            contents += texts
            previous = hash_
        return entries, contents, previous

    def _content_values(
        self, uow: UnitOfWork, ticket_id: str, change: Change, kind: str, body: str
    ) -> dict[str, Any]:
        return {
            "id": uow.ids.new(),
            "ticket_id": ticket_id,
            "version": change.version,
            "kind": str(kind),
            "author": change.actor,
            "at": change.at,
            "body": body,
            "salt": self._chance.salt(),
        }


async def _write(uow: UnitOfWork, parts: Sequence[Part]) -> None:
    """Writes these and the events that were told so far in one statement."""
    await write(uow.connection, [*parts, Events(tables.SCHEMA, uow.take_events())])


def _told(
    ticket: Ticket, entries: Sequence[dict[str, Any]], contents: Sequence[dict[str, Any]]
) -> list[Part]:
    """History and texts, and the words of what is now the appeal's own text."""
    parts: list[Part] = [Insert(tables.history, entries), Insert(tables.content, contents)]
    own = [content for content in contents if content["kind"] == TextKind.TEXT]
    if own:
        parts.append(_wording(ticket, own[-1]["id"], own[-1]["body"]))
    return parts


def _wording(ticket: Ticket, content_id: str, body: str) -> Wording:
    values = {
        "ticket_id": ticket.id,
        "content_id": content_id,
        "registered_at": ticket.registered_at,
    }
    return Wording(values, vector_values(body, ticket.registered_at))


def _clocks(ticket: Ticket, before: Collection[Clock]) -> Insert:
    """The clocks that are not as they were."""
    return Insert(
        tables.clock,
        [clock_values(ticket.id, clock) for clock in ticket.clocks if clock not in before],
        conflict=("ticket_id", "kind", "generation"),
        changing=("due_at", "paused_at", "stopped_at", "pauses", "extended_days"),
    )


def _entry_values(entry: Entry, previous: bytes, hash_: bytes) -> dict[str, Any]:
    return {
        "ticket_id": entry.ticket_id,
        "version": entry.version,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "before": _json(entry.before),
        "after": _json(entry.after),
        "contents": _json(entry.contents),
        "previous": previous,
        "hash": hash_,
    }


def _json(fields: Mapping[str, object]) -> str:
    """JSON as the driver takes it."""
    return to_json(dict(fields)).decode()
