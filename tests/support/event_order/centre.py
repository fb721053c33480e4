"""All services that hear events, whole and over one database; the test carries each message itself."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from careline import roster
from careline_common.clock import ManualClock
from careline_common.events import Envelope
from careline_common.http.issuer import LocalIssuer
from careline_common.ids import UuidIds
from careline_common.lifecycle import Service
from careline_common.messaging.memory import MemoryTransport
from careline_common.messaging.subscription import Subscription
from careline_common.messaging.transport import Handler, IncomingMessage, ParkError
from careline_common.testing.http import client_of
from careline_common.testing.waiting import eventually
from careline_surveys.db import follow_ups, invitations
from careline_surveys.domain.invitations import Invitation, Reference, Subject
from careline_surveys.service import SurveysService
from careline_tickets.api.office import Office
from careline_tickets.domain.acting import register
from careline_tickets.domain.person import Person
from careline_tickets.domain.ticket import Details
from careline_tickets.domain.vocabulary import Channel, Kind, Role
from careline_tickets.domain.workflow import Actor
from event_order.histories import SPARING_LINE, Fact, Names
from event_order.schedule import Step

MOST_ATTEMPTS = 20
"""So often a consumer may refuse an event, with the others going on, before that is a failure."""

_DAY = ["00:00-24:00"]
CONFIG: dict[str, dict[str, Any]] = {
    "tickets": {
        "calendars": [
            {
                "id": "c1",
                "zone": "Europe/Moscow",
                "weekly": dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), _DAY),
            }
        ],
        "insurers": [{"id": "ins7"}],
        "deadlines": [{"id": "default", "calendar": "c1", "clocks": {"level1": "1h"}}],
    },
    "surveys": {
        "surveys": [
            {
                "key": "call",
                "questions": [{"id": "csi", "kind": "csi"}],
                "texts": {"ru": "1-5?"},
                "trigger": {"event": "call.ended", "min_talk_s": 5},
            },
            {
                "key": "sparing",
                "questions": [{"id": "nps", "kind": "nps"}],
                "texts": {"ru": "0-10?"},
                "trigger": {"event": "call.ended", "lines": [SPARING_LINE]},
                "rules": {"survey_quarantine_s": 86_400},
            },
            {
                "key": "done",
                "questions": [{"id": "fcr", "kind": "fcr"}],
                "texts": {"ru": "да?"},
                "trigger": {"event": "call.ended", "dispositions": ["done"]},
            },
            {
                "key": "visit",
                "questions": [{"id": "csi", "kind": "csi"}],
                "texts": {"ru": "1-5?"},
                "trigger": {"event": "service.rendered", "services": ["outpatient"]},
            },
            {
                "key": "after",
                "questions": [{"id": "csi", "kind": "csi"}],
                "texts": {"ru": "1-5?"},
                "trigger": {"event": "appeal.closed"},
            },
        ]
    },
}


class ByHand(MemoryTransport):
    """Keeps each consumer's subscription and handler; nothing is delivered but by the test."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock=clock)
        self.hearing: dict[str, tuple[Subscription, Handler]] = {}

    async def consume(self, subscription: Subscription, handle: Handler) -> None:
        self.hearing[subscription.name] = (subscription, handle)
        await asyncio.Event().wait()

    def consuming(self, consumer: str) -> bool:
        return consumer in self.hearing


class Ingest:
    """Stands for ingest and for invitations and messages of surveys: over real HTTP, as they are at the moment."""

    def __init__(self) -> None:
        self.records: dict[str, Any] = {}
        self.app = FastAPI()
        self.app.get("/v1/records/{record_id}")(self._record)
        self.app.get("/v1/invitations/{record_id}")(self._record)
        self.app.get("/v1/messages/{record_id}")(self._record)

    async def _record(self, record_id: str) -> JSONResponse:
        known = self.records.get(record_id)
        return JSONResponse({} if known is None else known, 404 if known is None else 200)


class Centre:
    """The services, what they can be asked, and the test's hand that brings them messages."""

    def __init__(
        self,
        services: dict[str, Service],
        transport: ByHand,
        issuer: LocalIssuer,
        clock: ManualClock,
        ingest: Ingest,
    ) -> None:
        self.services = services
        self.transport = transport
        self._issuer = issuer
        self._clock = clock
        self._ingest = ingest
        self.counts = {"playings": 0, "facts": 0, "deliveries": 0, "refusals": 0}

    def names(self) -> Names:
        self.counts["playings"] += 1
        return Names(f"{self.counts['playings']:07}")

    async def play(
        self, facts: Sequence[Fact], steps: Sequence[Step], names: Names, *, batch: int
    ) -> None:
        """Lets facts happen and events arrive, at most `batch` at once.

        What a consumer refuses comes to it again after all the others.
        """
        self.counts["facts"] += len(facts)
        envelopes = [self._envelope(fact, number, names) for number, fact in enumerate(facts)]
        refused: dict[str, list[Envelope]] = {name: [] for name in self.transport.hearing}
        for arriving, together in groupby(steps, key=lambda step: step.delivered):
            numbers = [step.fact for step in together]
            if not arriving:
                await self._happen(facts[number] for number in numbers)
                continue
            for begin in range(0, len(numbers), batch):
                hand = [envelopes[number] for number in numbers[begin : begin + batch]]
                for name, left in refused.items():
                    left += [envelope for envelope, _ in await self._hand_over(name, hand)]
        for name, left in refused.items():
            await self._again(name, left)

    async def _happen(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            if fact.record is not None:
                self._ingest.records[fact.subject] = fact.record
            if fact.bad_answer is not None:
                await self._answer_badly(fact.bad_answer)
            if fact.nobodys is not None:
                await self._put_into_journal(fact.nobodys)

    async def _put_into_journal(self, ticket_id: str) -> None:
        """An appeal that was registered before its offering, under an id that the history knows."""
        office: Office = self.services["tickets"].app.state.office
        repository, now = office.journal.repository, self._clock.now()
        async with office.database.unit_of_work() as uow:
            ticket, change = register(
                ticket_id=ticket_id,
                number=f"T-{await repository.next_number(uow.connection)}",
                tracking_code=ticket_id,
                details=Details(channel=Channel.PHONE, kind=Kind.COMPLAINT),
                text="No drugs",
                policy=None,
                registered_at=now,
                actor=Actor(id="head", roles=frozenset({Role.CONTACT_ADMIN})),
                now=now,
            )
            await repository.insert(uow, ticket, Person(), [change], lambda: None)

    async def _answer_badly(self, invitation_id: str) -> None:
        """Writes what surveys has written before it tells the journal of a bad answer."""
        surveys: SurveysService = self.services["surveys"].app.state.surveys
        survey = surveys.book.survey("call")
        assert survey is not None
        now = self._clock.now()
        async with surveys.database.unit_of_work() as uow:
            run, _, number = invitation_id.split("-")
            phone = f"+78{run}{int(number):02}"
            new = Invitation(
                id=invitation_id,
                survey="call",
                survey_version=survey.version,
                service="call",
                person_id=await surveys.people.locked(uow.connection, phone, now),
                language="ru",
                reference=Reference(type="call", id=invitation_id),
                subject=Subject(),
                status="completed",
                reason=None,
                created_at=now,
                send_at=now,
                send_until=now,
            )
            await invitations.keep_version(
                uow.connection, "call", survey.version, dict(survey.body)
            )
            await invitations.add(uow.connection, new, survey.definition)
            await follow_ups.open_one(uow.connection, invitation_id, "low_score", now)

    async def _hand_over(
        self, name: str, envelopes: Sequence[Envelope]
    ) -> list[tuple[Envelope, Exception]]:
        """Gives a consumer what it wants of these; returns what it could not take, and why."""
        subscription, handle = self.transport.hearing[name]
        wanted = [one for one in envelopes if one.type in subscription.types]
        if not wanted:
            return []
        verdicts = await handle(
            [IncomingMessage(body=one.to_json(), attempt=1, last=False) for one in wanted]
        )
        refused = [(one, why) for one, why in zip(wanted, verdicts, strict=True) if why is not None]
        self.counts["deliveries"] += len(wanted)
        self.counts["refusals"] += len(refused)
        for _, why in refused:
            if isinstance(why, ParkError):
                raise why
        return refused

    async def _again(self, name: str, envelopes: Sequence[Envelope]) -> None:
        for _ in range(MOST_ATTEMPTS):
            refused = await self._hand_over(name, envelopes)
            if not refused:
                return
            envelopes = [envelope for envelope, _ in refused]
        raise AssertionError(f"{name} never takes {envelopes[0].data!r}") from refused[0][1]

    def _envelope(self, fact: Fact, number: int, names: Names) -> Envelope:
        return Envelope(
            id=names.id("event", number),
            source="/careline/test",
            subject=fact.subject,
            time=self._clock.now(),
            sequence=fact.sequence,
            correlationid=fact.subject,
            causationid=None,
            data=fact.event,
        )

    async def get(self, service: str, path: str, **params: Any) -> Any:
        token = self._issuer.token(subject="head", roles=["admin", "contact_admin"])
        async with client_of(self.services[service].app, token) as http:
            return (await http.get(path, params=params)).raise_for_status().json()


@contextmanager
def _listening() -> Iterator[tuple[socket.socket, str]]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held, f"http://127.0.0.1:{held.getsockname()[1]}"


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    with _listening() as (held, url):
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        task = asyncio.create_task(server.serve(sockets=[held]))
        await eventually(lambda: server.started)
        yield url
        server.should_exit = True
        await task


@asynccontextmanager
async def centre(database_url: str, folder: Path, clock: ManualClock) -> AsyncIterator[Centre]:
    """Every service of the roster that has consumers, ready."""
    ingest, transport = Ingest(), ByHand(clock)
    issuer = LocalIssuer(folder / "issuer.json", clock=clock)
    issuer.token(subject="first", roles=["admin"])
    services: dict[str, Service] = {}
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(ingest.app))
        for name in roster.NAMES:
            if not roster.consumers(name):
                continue
            member = roster.member(name)
            settings = member.settings.model_validate(
                {
                    "database_url": database_url,
                    "issuer_file": issuer.path,
                    "pii_key": "a key of tests",
                    "ingest_url": url,
                    "surveys_url": url,
                    "ingest_dir": folder / "spool",
                }
            )
            service = member.create_service(
                settings, transport=transport, clock=clock, ids=UuidIds()
            )
            await stack.enter_async_context(service.running())
            await eventually(lambda of=service: of.readiness.ready, what=f"{name} to be ready")
            await _configure(service, issuer, CONFIG.get(name, {}))
            services[name] = service
        yield Centre(services, transport, issuer, clock, ingest)


async def _configure(service: Service, issuer: LocalIssuer, config: dict[str, Any]) -> None:
    token = issuer.token(subject="root", roles=["admin"])
    async with client_of(service.app, token) as http:
        (await http.put("/v1/config", json=config)).raise_for_status()
