"""What `careline bench tickets` writes: appeals registered and taken, by the service's own use cases."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

import asyncpg
from pydantic import SecretStr

from careline.bench import tickets_peer
from careline.bench.appeals import texts
from careline.bench.appeals_data import PII_KEY, POLICY, phone, policy_number
from careline_common.clock import SystemClock
from careline_common.db.migrate import upgrade
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.ids import UuidIds
from careline_common.messaging.memory import MemoryTransport
from careline_common.postgres import PostgresLauncher
from careline_tickets.api.office import Office
from careline_tickets.app import create_service
from careline_tickets.config import Rules
from careline_tickets.domain.clocks import DEFAULT, DeadlineRule
from careline_tickets.domain.person import Person
from careline_tickets.domain.ticket import Command, Details, Ticket
from careline_tickets.domain.vocabulary import Action, Channel, Kind, Role
from careline_tickets.domain.workflow import Actor
from careline_tickets.service import NewTicket
from careline_tickets.settings import TicketsSettings

CONNECTIONS = 8
DATABASE = "bench_writes"
SCRIPTS = 8
"""Appeals of so many texts are what pgbench writes, in turns by chance."""
NONE: frozenset[str] = frozenset()
AGENT = Actor(id="a1", roles=frozenset({Role.AGENT}))


class Writes:
    """The journal's use cases over a database of their own, and pgbench beside them."""

    def __init__(self, office: Office, url: str, folder: Path) -> None:
        self._office = office
        self.url = url
        self._folder = folder
        self._more = _endless()
        self._texts: Iterator[str] = iter(())
        self._made: list[str] = []
        self._round = 0

    async def create(self, count: int) -> float:
        """Appeals/s, each registered in a unit of work of its own."""
        self._made = []
        self._texts = iter(self.some(count))
        return await self._rate(count, self._create)

    async def take(self) -> float:
        """Transitions/s: every appeal of the last `create` is taken by an agent."""
        left = iter(self._made)
        return await self._rate(len(self._made), lambda: self._take(next(left)))

    async def peer(self, count: int) -> tuple[float, float]:
        """The same two, by pgbench: its own appeals of this round, then the taking of each."""
        self._round += 1
        each = count // CONNECTIONS
        scripts = [await self._create_script(number) for number in range(SCRIPTS)]
        created = await asyncio.to_thread(
            tickets_peer.run, self.url, scripts, clients=CONNECTIONS, each=each
        )
        taking = [await self._take_script()]
        taken = await asyncio.to_thread(
            tickets_peer.run, self.url, taking, clients=CONNECTIONS, each=each
        )
        return created, taken

    def some(self, count: int) -> list[str]:
        """So many more texts."""
        return [*islice(self._more, count)]

    async def _rate(self, count: int, work: Callable[[], Awaitable[None]]) -> float:
        turns = iter(range(count))

        async def worker() -> None:
            for _ in turns:
                await work()

        began = perf_counter()
        await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))
        return count / (perf_counter() - began)

    async def _create(self) -> None:
        async with self._office.database.unit_of_work() as uow:
            ticket = await self._register(uow)
        self._made.append(ticket.id)

    async def _register(self, uow: UnitOfWork) -> Ticket:
        number = len(self._made)
        new = NewTicket(
            details=Details(
                channel=Channel.PHONE, kind=Kind.COMPLAINT, subject=f"s{number % 40}",
                territory="46", organisation=f"o{number % 900}", call_id=f"call-{number}",
            ),
            person=Person(phone=phone(number), name="N", policy_number=policy_number(number)),
            text=next(self._texts, None) or next(self._more),
            registered_at=uow.clock.now(),
        )  # fmt: skip
        return (await self._office.journal.register(uow, new, AGENT)).ticket

    async def _take(self, ticket_id: str) -> None:
        async with self._office.database.unit_of_work() as uow:
            await self._act(uow, ticket_id)

    async def _act(self, uow: UnitOfWork, ticket_id: str) -> None:
        journal = self._office.journal
        stored = await journal.repository.find(uow.connection, ticket_id, for_update=True)
        assert stored is not None
        await journal.act(uow, stored, Command(action=Action.TAKE), AGENT)

    async def _create_script(self, number: int) -> Path:
        async with (
            self._office.database.unit_of_work() as uow,
            tickets_peer.listened(uow) as heard,
        ):
            ticket = await self._register(uow)
        unique = {
            ticket.id: f"t{self._round}-",
            ticket.number: f"n{self._round}-",
            ticket.tracking_code: f"c{self._round}-",
        }
        return self._script(f"create{number}", heard, unique, number)

    async def _take_script(self) -> Path:
        async with self._office.database.unit_of_work() as uow:
            ticket = await self._register(uow)
        async with (
            self._office.database.unit_of_work() as uow,
            tickets_peer.listened(uow) as heard,
        ):
            await self._act(uow, ticket.id)
        unique = {
            ticket.id: f"t{self._round}-",
            ticket.number: f"n{self._round}-",
            ticket.tracking_code: f"c{self._round}-",
        }
        return self._script("take", heard, unique, SCRIPTS)

    def _script(
        self, name: str, heard: list[tickets_peer.Heard], unique: dict[str, str], number: int
    ) -> Path:
        file = self._folder / f"{name}.sql"
        fresh = f"r{self._round}-{number}-"
        file.write_text(tickets_peer.script(heard, unique, fresh=fresh))
        return file


def _endless() -> Iterator[str]:
    while True:
        for words in texts(100_000):
            yield " ".join(words)


@asynccontextmanager
async def writes_at(launcher: PostgresLauncher, folder: Path) -> AsyncIterator[Writes]:
    """A fresh database on this server, and the service's parts over it."""
    admin = await asyncpg.connect(launcher.url())
    url = launcher.url(DATABASE)
    try:
        await admin.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        await admin.execute(f"CREATE DATABASE {DATABASE}")
        await upgrade(url, package="careline_tickets", schema="tickets")
        settings = TicketsSettings(
            database_url=SecretStr(url),
            database_pool_size=CONNECTIONS,
            pii_key=SecretStr(PII_KEY),
            issuer_file=folder / "issuer.json",
        )
        clock = SystemClock()
        service = create_service(
            settings, transport=MemoryTransport(clock=clock), clock=clock, ids=UuidIds()
        )
        office: Office = service.app.state.office
        rules = Rules(
            deadlines=(
                DeadlineRule(name=DEFAULT, policy=POLICY, kinds=NONE, subjects=NONE, insurers=NONE),
            ),
            zone=ZoneInfo("Europe/Moscow"),
        )
        office.journal.rules = lambda: rules
        try:
            yield Writes(office, url, folder)
        finally:
            await office.database.close()
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        await admin.close()
