"""What `careline bench surveys` runs: an SMSC, the surveys service, a bare client, calls that ended."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import asyncpg
import httpx
import smpp34

from careline.bench.child import Child
from careline.datadir import CannotError
from careline_common.clock import SystemClock
from careline_common.events.envelope import Envelope
from careline_common.events.router import CallEnded
from careline_common.http.issuer import LocalIssuer
from careline_common.ids import UuidIds
from careline_common.messaging.local import LocalTransport
from careline_common.messaging.transport import BATCH, OutgoingMessage
from careline_common.postgres import PostgresLauncher

PATIENCE_S = 120.0
LOOK_EVERY_S = 0.02
TEXT = "Оцените звонок от 1 до 5"
SURVEY = {
    "key": "call",
    "questions": [{"id": "csi", "kind": "csi"}],
    "texts": {"ru": TEXT},
    "trigger": {"event": "call.ended", "min_talk_s": 5},
    "rules": {"quarantine_s": 86_400, "quiet_hours": []},
}
"""One that also asks when a person was last asked, as a real one does."""
ACKNOWLEDGED = """
SELECT count(*) FROM surveys.message WHERE state IN ('accepted', 'delivered') AND created_at >= $1"""
DELIVERED = "SELECT count(*) FROM surveys.message WHERE state = 'delivered'"
ACCOUNT = ("careline", "secret")


class BareClient:
    """smpp34's own client: submit_sm after submit_sm, so many unanswered at a time; receipts are taken."""

    def __init__(self, address: tuple[str, int], window: int) -> None:
        self._address = address
        self._window = window

    async def run(self, messages: int, first: int) -> float:
        """Messages/s from the first submit_sm to the last answer."""
        client = smpp34.Client(*self._address, *ACCOUNT, bind_type="TRX", window_size=self._window)
        session = await client.connect()
        hearing = asyncio.create_task(_hear(session))
        numbers = iter(range(first, first + messages))
        began = perf_counter()
        await asyncio.gather(*(_submit(session, numbers) for _ in range(self._window)))
        took = perf_counter() - began
        await asyncio.sleep(0.5)  # the last receipts
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        with suppress(smpp34.SmppError):
            await session.unbind()
        await client.stop()
        return messages / took


async def _submit(session: smpp34.Smsc, numbers: Iterator[int]) -> None:
    content = TEXT.encode("utf-16-be")
    for number in numbers:
        answer = await session.submit_sm(
            phone(number)[1:],
            content,
            source_addr="1420",
            data_coding=8,
            dest_addr_ton=1,
            dest_addr_npi=1,
            registered_delivery=1,
        )
        if not answer.is_success:
            raise CannotError(f"the SMSC refused a message: {answer.command_status}")


async def _hear(session: smpp34.Smsc) -> None:
    """Takes the receipts; smpp34 acknowledges them by itself."""
    while not isinstance(await session.next(), smpp34.Disconnected):
        pass


def phone(number: int) -> str:
    return f"+7903{number:07}"


class Smsc(Child):
    """The shipped fake, with receipts for all that it gets, and a record of it."""

    def __init__(self, folder: Path, name: str) -> None:
        self._record = folder / f"{name}.jsonl"
        super().__init__(
            ["careline_surveys.fakes.smsc", "--port", "0", "--record", str(self._record),
             "--set", "receipt_spread_s=0.5"],
            folder / f"{name}.log",
        )  # fmt: skip

    async def address(self) -> tuple[str, int]:
        host, _, port = (await self.ready()).rpartition(":")
        return host, int(port)

    def received(self) -> Counter[str]:
        """How often each number got a message."""
        lines = self._record.read_text().splitlines() if self._record.exists() else []
        entries = (json.loads(line) for line in lines if line.endswith("}"))
        return Counter(each["to"] for each in entries if each["event"] == "submit_sm")


class Surveys:
    """The service as a process of its own, and the bus by which it hears of calls."""

    def __init__(self, child: Child, bus: LocalTransport, database: asyncpg.Connection) -> None:
        self.child = child
        self._bus = bus
        self._database = database
        self._clock = SystemClock()
        self._ids = UuidIds()

    async def run(self, calls: int, first: int) -> float:
        """Messages/s from the commit of the events to the commit of the last acknowledgement."""
        since = self._clock.now()
        events = [self._ended(number) for number in range(first, first + calls)]
        began = perf_counter()
        for start in range(0, calls, BATCH):
            await self._publish(events[start : start + BATCH])
        until = began + PATIENCE_S
        while await self._database.fetchval(ACKNOWLEDGED, since) < calls:
            if perf_counter() > until:
                raise CannotError(f"not all of {calls} messages were acknowledged in time")
            await asyncio.sleep(LOOK_EVERY_S)
        return calls / (perf_counter() - began)

    async def receipted(self, calls: int) -> None:
        """Returns when the messages of so many calls are out and have their receipts."""
        until = perf_counter() + PATIENCE_S
        while await self._database.fetchval(DELIVERED) < calls:
            if perf_counter() > until:
                raise CannotError("not every receipt came, or was handled, in time")
            await asyncio.sleep(0.1)

    async def paced(self, per_s: float, seconds: float, first: int) -> int:
        """Ends calls at a steady rate; returns how many."""
        began, calls = perf_counter(), round(per_s * seconds)
        for number in range(calls):
            await asyncio.sleep(max(0.0, began + number / per_s - perf_counter()))
            await self._publish([self._ended(first + number)])
        await asyncio.sleep(max(0.0, began + seconds - perf_counter()))
        return calls

    async def _publish(self, events: list[OutgoingMessage]) -> None:
        for verdict in await self._bus.publish(events):
            if verdict is not None:
                raise verdict

    def _ended(self, number: int) -> OutgoingMessage:
        now = self._clock.now()
        event = CallEnded(
            call_id=f"call-{number}",
            line="+74950000001",
            outcome="handled",
            queue="adult",
            agent=f"a{number % 120}",
            team="t1",
            language="ru",
            arrived_at=now - timedelta(seconds=150),
            answered_at=now - timedelta(seconds=120),
            ended_at=now,
            talk_s=120.0,
            contact=phone(number),
        )
        envelope = Envelope(
            id=self._ids.new(),
            source="/careline/router",
            subject=event.call_id,
            time=now,
            sequence=1,
            correlationid=event.call_id,
            causationid=None,
            data=event,
        )
        return OutgoingMessage(
            event_id=envelope.id,
            type=envelope.type,
            subject=event.call_id,
            body=envelope.to_json(),
        )


@asynccontextmanager
async def surveys_at_work(folder: Path, window: int) -> AsyncIterator[tuple[Surveys, Smsc]]:
    """A private PostgreSQL, an SMSC and the service between them, bound and ready."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(PostgresLauncher(folder / "postgres").running())
        smsc = Smsc(folder, "smsc")
        stack.push_async_callback(smsc.stop)
        host, port = await smsc.address()
        issuer = LocalIssuer(folder / "issuer.json")
        token = issuer.token(subject="bench", roles=["admin"])
        child = Child(
            ["careline", "surveys", "serve", "--port", "0"],
            folder / "surveys.log",
            CARELINE_DATABASE_URL=url,
            CARELINE_ISSUER_FILE=str(issuer.path),
            CARELINE_PII_KEY="a key of benchmarks",
            CARELINE_LOG_LEVEL="WARNING",
        )
        stack.push_async_callback(child.stop)
        entry = {
            "id": "s1", "kind": "smpp", "host": host, "port": port, "system_id": ACCOUNT[0],
            "password": ACCOUNT[1], "source": "1420", "source_ton": 0, "window": window,
        }  # fmt: skip
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            base_url=await child.ready(), headers=headers, trust_env=False
        ) as http:
            answer = await http.put("/v1/config", json={"surveys": [SURVEY], "sms": [entry]})
            answer.raise_for_status()
        bus = LocalTransport(url)
        stack.push_async_callback(bus.close)
        database = await asyncpg.connect(url)
        stack.push_async_callback(database.close)
        yield Surveys(child, bus, database), smsc


@asynccontextmanager
async def bare_client(folder: Path, window: int) -> AsyncIterator[BareClient]:
    """A bare client at an SMSC of its own, so that neither gets the other's receipts."""
    smsc = Smsc(folder, "bare-smsc")
    try:
        yield BareClient(await smsc.address(), window)
    finally:
        await smsc.stop()
