"""Several processes of one service over one database and one RabbitMQ, and a provider of messages."""

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from careline_common.clock import SystemClock
from careline_common.events import Envelope, Event
from careline_common.http.issuer import LocalIssuer
from careline_common.messaging.rabbit import RabbitTransport
from careline_common.messaging.subscription import Subscription
from careline_common.messaging.transport import IncomingMessage, OutgoingMessage
from careline_common.testing.http import bearer
from careline_common.testing.processes import CarelineProcess, Processes
from careline_common.testing.waiting import eventually

PATIENCE_S = 90.0


@dataclass(frozen=True, slots=True)
class Told:
    """An event as the test publishes it; the same one may be published again."""

    id: str
    event: Event
    subject: str
    sequence: int = 1

    def message(self) -> OutgoingMessage:
        envelope = Envelope(
            id=self.id,
            source="/careline/test",
            subject=self.subject,
            time=SystemClock().now(),
            sequence=self.sequence,
            correlationid=self.subject,
            causationid=None,
            data=self.event,
        )
        return OutgoingMessage(
            event_id=self.id, type=envelope.type, subject=self.subject, body=envelope.to_json()
        )


class Site:
    """One database, one broker, and as many processes of each service as a test starts."""

    def __init__(self, processes: Processes, database_url: str, rabbit_url: str) -> None:
        self._processes = processes
        self._database_url = database_url
        self._issuer = LocalIssuer(processes.folder / "issuer.json")
        jwks = processes.folder / "jwks.json"
        jwks.write_text(json.dumps(self._issuer.jwks()))
        self.bus = RabbitTransport(rabbit_url, clock=SystemClock())
        self._environment = {
            "CARELINE_DATABASE_URL": database_url,
            "CARELINE_RABBITMQ_URL": rabbit_url,
            "CARELINE_OIDC_JWKS": str(jwks),
            "CARELINE_ISSUER_FILE": str(self._issuer.path),
            "CARELINE_PII_KEY": secrets.token_hex(16),
            "CARELINE_INGEST_DIR": str(processes.folder / "spool"),
        }

    @property
    def folder(self) -> Path:
        return self._processes.folder

    async def replicas(
        self, name: str, count: int, config: Mapping[str, Any], **environment: str
    ) -> list[CarelineProcess]:
        """So many processes of a service, ready, with this configuration."""
        started = [
            self._processes.service(name, **{**self._environment, **environment})
            for _ in range(count)
        ]
        await started[0].start()
        async with self.client(started[0]) as http:
            (await http.put("/v1/config", json=dict(config))).raise_for_status()
        await asyncio.gather(*(process.start() for process in started[1:]))
        return started

    def client(self, process: CarelineProcess) -> httpx.AsyncClient:
        roles = ["admin", "contact_admin", "service"]
        return httpx.AsyncClient(
            base_url=process.url,
            headers=bearer(self._issuer.token(subject="head", roles=roles)),
            timeout=30,
            verify=False,  # plain HTTP: loading every authority's certificate would take longest
        )

    async def publish(self, told: Iterable[Told]) -> None:
        verdicts = await self.bus.publish([one.message() for one in told])
        assert set(verdicts) == {None}

    @asynccontextmanager
    async def listening(self, *events: type[Event]) -> AsyncIterator[set[str]]:
        """The ids of all events of these types that come over the bus from now on."""
        heard: set[str] = set()

        async def hear(messages: Sequence[IncomingMessage]) -> list[None]:
            heard.update(Envelope.parse(message.body).id for message in messages)
            return [None] * len(messages)

        async def nothing(*_: Any) -> None:
            """The transport's handler hears; nothing is consumed through an inbox."""

        subscription = Subscription(name="test.listening", events=events, handle=nothing)
        task = asyncio.create_task(self.bus.consume(subscription, hear))
        await eventually(lambda: self.bus.consuming(subscription.name), within_s=PATIENCE_S)
        try:
            yield heard
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def query(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self._database_url)
        try:
            return list(await connection.fetch(statement, *arguments))
        finally:
            await connection.close()

    async def value(self, statement: str, *arguments: Any) -> Any:
        [row] = await self.query(statement, *arguments)
        return row[0]

    async def reaches(self, statement: str, least: int) -> None:
        """Waits until a count in the database is at least this."""

        async def there() -> bool:
            return bool(await self.value(statement) >= least)

        await eventually(there, within_s=PATIENCE_S, what=f"{statement} to reach {least}")

    async def settled(self, service: str, consumers: Iterable[str]) -> None:
        """Waits until nothing is left to deliver or to send on; nothing may have been parked."""

        async def quiet() -> bool:
            depths = (await self.bus.depths(list(consumers))).values()
            assert not any(depth.parked for depth in depths)
            left = await self.value(
                f"SELECT count(*) FROM {service}.outbox WHERE published_at IS NULL"
            )
            return left == 0 and not any(depth.waiting for depth in depths)

        await eventually(quiet, within_s=PATIENCE_S, what=f"{service} to be done")

    async def told(self, service: str, event_type: str) -> list[dict[str, Any]]:
        """The data of all events of a type that a service has told, oldest first."""
        rows = await self.query(
            f"SELECT body FROM {service}.outbox WHERE type = $1 ORDER BY id", event_type
        )
        return [json.loads(row["body"])["data"] for row in rows]


@asynccontextmanager
async def site(processes: Processes, database_url: str, rabbit_url: str) -> AsyncIterator[Site]:
    made = Site(processes, database_url, rabbit_url)
    try:
        await made.bus.open()
        yield made
    finally:
        await made.bus.close()


@dataclass
class Provider:
    """A provider of messages that takes its time and keeps everything it was given."""

    pause_s: float = 0.02
    secret: str = "whsec_" + base64.b64encode(b"a secret of tests").decode()
    url: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)

    @property
    def entry(self) -> dict[str, Any]:
        return {"id": "g1", "kind": "generic", "url": self.url, "secret": self.secret}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length:")[1].split("\r\n")[0])
            self.received.append(json.loads(await reader.readexactly(length)))
            content = json.dumps({"message_id": f"m{len(self.received)}"}).encode()
            await asyncio.sleep(self.pause_s)
            head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
            writer.write(head.encode() + content)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client was killed
        finally:
            writer.close()


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/send"
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()
