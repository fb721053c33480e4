"""People: a number and a keyed hash of it to find it by. Nothing else about them is kept."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, exists, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.ids import Ids
from careline_common.observability.pii import PiiHasher
from careline_surveys.db.tables import SCHEMA, content, inbound_part, metadata, opt_out, person

idempotency = metadata.tables[f"{SCHEMA}.idempotency"]

_LOCK_SEVERAL = text("""
    INSERT INTO surveys.person (id, number_key, number, created_at)
    SELECT id, number_key, number, :at
    FROM unnest(CAST(:ids AS text[]), CAST(:keys AS bytea[]), CAST(:numbers AS text[]))
        AS new (id, number_key, number)
    ORDER BY number_key
    ON CONFLICT (number_key) DO UPDATE SET number = excluded.number
    RETURNING id, number""")


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    phone: str
    source: str
    at: datetime
    person_id: str


class People:
    """Look-ups go by HMAC, so that the key of this installation is needed to find anybody."""

    def __init__(self, hasher: PiiHasher, ids: Ids) -> None:
        self._hasher = hasher
        self._ids = ids

    def key_of(self, number: str) -> bytes:
        """The keyed hash by which a number is found."""
        return self._hasher.lookup(number)

    async def locked(self, connection: AsyncConnection, number: str, at: datetime) -> str:
        """The person with this number, made when new; his row is locked until the commit.

        The lock makes two surveys that want the same person at once see one another.
        """
        statement = (
            insert(person)
            .values(
                id=self._ids.new(),
                number_key=self._hasher.lookup(number),
                number=number,
                created_at=at,
            )
            .on_conflict_do_update(index_elements=[person.c.number_key], set_={"number": number})
            .returning(person.c.id)
        )
        return str((await connection.execute(statement)).scalar_one())

    async def several_locked(
        self, connection: AsyncConnection, numbers: Sequence[str], at: datetime
    ) -> Mapping[str, str]:
        """`locked` for several, by number; locked in one order by whoever takes several."""
        keys = sorted((self._hasher.lookup(number), number) for number in set(numbers))
        if not keys:
            return {}
        made = await connection.execute(
            _LOCK_SEVERAL,
            {
                "ids": [self._ids.new() for _ in keys],
                "keys": [key for key, _ in keys],
                "numbers": [number for _, number in keys],
                "at": at,
            },
        )
        return {row.number: row.id for row in made}

    async def who_opted_out(
        self, connection: AsyncConnection, numbers: Sequence[str]
    ) -> Collection[str]:
        """Those of these numbers that want no surveys."""
        keys = {self._hasher.lookup(number): number for number in numbers}
        found = await connection.execute(
            select(opt_out.c.number_key).where(opt_out.c.number_key.in_(keys))
        )
        return {keys[bytes(key)] for key in found.scalars()}

    async def find(
        self, connection: AsyncConnection, number: str, *, lock: bool = False
    ) -> str | None:
        statement = select(person.c.id).where(person.c.number_key == self.key_of(number))
        if lock:
            statement = statement.with_for_update()
        return (await connection.execute(statement)).scalar_one_or_none()

    async def texts_of(self, connection: AsyncConnection, person_id: str) -> Sequence[str]:
        """Whatever he wrote, oldest first; parts of what has not come whole cannot be read."""
        part = exists().where(inbound_part.c.content_id == content.c.id)
        found = await connection.execute(
            select(content.c.text)
            .where(content.c.person_id == person_id, ~part)
            .order_by(content.c.created_at, content.c.id)
        )
        return list(found.scalars())

    async def erase(self, connection: AsyncConnection, person_id: str) -> int:
        """Deletes his number and his words; returns how many messages of his there were."""
        gone = await connection.execute(
            delete(content).where(content.c.person_id == person_id).returning(content.c.id)
        )
        count = len(gone.all())
        await connection.execute(delete(person).where(person.c.id == person_id))
        return count

    async def forget_answers(self, connection: AsyncConnection, number: str) -> None:
        """Takes a number out of the answers that are kept for repeated requests."""
        body = func.encode(idempotency.c.body, "escape")
        await connection.execute(delete(idempotency).where(func.strpos(body, number) > 0))

    async def several(
        self, connection: AsyncConnection, numbers: Collection[str]
    ) -> Mapping[str, str]:
        """The ids of those people who are known, by their numbers."""
        keys = {self._hasher.lookup(number): number for number in numbers}
        if not keys:
            return {}
        found = await connection.execute(
            select(person.c.number_key, person.c.id).where(person.c.number_key.in_(keys))
        )
        return {keys[bytes(row.number_key)]: row.id for row in found}

    async def number_of(self, connection: AsyncConnection, person_id: str) -> str | None:
        found = await connection.execute(select(person.c.number).where(person.c.id == person_id))
        return found.scalar_one_or_none()

    async def keep_text(
        self, connection: AsyncConnection, person_id: str | None, text: str, at: datetime
    ) -> str:
        """Keeps words of a person in a row that goes when he is erased; returns its id."""
        content_id = self._ids.new()
        await connection.execute(
            insert(content).values(id=content_id, person_id=person_id, text=text, created_at=at)
        )
        return content_id

    async def opted_out(self, connection: AsyncConnection, number: str) -> bool:
        key = self._hasher.lookup(number)
        found = await connection.execute(
            select(opt_out.c.number_key).where(opt_out.c.number_key == key)
        )
        return found.first() is not None

    async def opt_out(
        self, connection: AsyncConnection, number: str, person_id: str, source: str, at: datetime
    ) -> bool:
        """Notes that the person wants no surveys; False when that was known."""
        noted = await connection.execute(
            insert(opt_out)
            .values(
                number_key=self._hasher.lookup(number), person_id=person_id, source=source, at=at
            )
            .on_conflict_do_nothing()
            .returning(opt_out.c.number_key)
        )
        return noted.first() is not None

    async def opted_out_at(self, connection: AsyncConnection, number: str) -> datetime | None:
        found = await connection.execute(
            select(opt_out.c.at).where(opt_out.c.number_key == self.key_of(number))
        )
        return found.scalar_one_or_none()

    async def opt_out_of(self, connection: AsyncConnection, number: str, person_id: str) -> OptOut:
        """What is noted for a number that has opted out."""
        key = self._hasher.lookup(number)
        found = await connection.execute(
            select(opt_out.c.source, opt_out.c.at).where(opt_out.c.number_key == key)
        )
        row = found.one()
        return OptOut(phone=number, source=row.source, at=row.at, person_id=person_id)

    async def opt_in(self, connection: AsyncConnection, number: str) -> bool:
        """Takes an opt-out back; False when there was none."""
        key = self._hasher.lookup(number)
        gone = await connection.execute(
            delete(opt_out).where(opt_out.c.number_key == key).returning(opt_out.c.number_key)
        )
        return gone.first() is not None

    async def opt_outs(
        self, connection: AsyncConnection, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[OptOut]:
        """Opt-outs of people who are not erased, newest first."""
        statement = (
            select(person.c.number, opt_out.c.source, opt_out.c.at, person.c.id)
            .join(person, person.c.id == opt_out.c.person_id)
            .order_by(opt_out.c.at.desc(), person.c.id.desc())
            .limit(limit)
        )
        if after is not None:
            statement = statement.where(tuple_(opt_out.c.at, person.c.id) < after)
        return [
            OptOut(phone=row.number, source=row.source, at=row.at, person_id=row.id)
            for row in await connection.execute(statement)
        ]
