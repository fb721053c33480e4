"""`careline parked`: messages that no retry could deliver."""

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from rich.console import Console
from rich.table import Table

from careline import roster
from careline.datadir import CannotError, DataDir
from careline_common.clock import SystemClock
from careline_common.messaging.local import LocalTransport
from careline_common.messaging.rabbit import RabbitTransport
from careline_common.messaging.transport import Transport, TransportUnavailableError
from careline_common.postgres import PostgresLauncher

EVERY = 10_000


@contextlib.asynccontextmanager
async def _transport(data: DataDir) -> AsyncIterator[Transport]:
    """RabbitMQ when CARELINE_RABBITMQ_URL names one, else the standalone's own bus."""
    async with contextlib.AsyncExitStack() as stack:
        rabbit, standalone = os.environ.get("CARELINE_RABBITMQ_URL"), data.running()
        transport: Transport
        if rabbit:
            transport = RabbitTransport(rabbit, clock=SystemClock())
        elif standalone is not None:
            transport = LocalTransport(standalone.database_url)
        else:
            launcher = PostgresLauncher(data.path)
            transport = LocalTransport(await stack.enter_async_context(launcher.running()))
        stack.push_async_callback(transport.close)
        try:
            await transport.open()
            yield transport
        except TransportUnavailableError as error:
            raise CannotError(f"cannot reach the event bus: {error}; is it running?") from error


def _consumers(only: str | None) -> Sequence[str]:
    known = [consumer for name in roster.NAMES for consumer in roster.consumers(name)]
    if only is None:
        return known
    if only not in known:
        raise CannotError(f"no consumer {only!r}; there are {', '.join(known)}")
    return [only]


async def show(data: DataDir, consumer: str | None) -> None:
    """Prints a table of parked messages."""
    table = Table("consumer", "event id", "type", "parked at", "attempts", "reason")
    async with _transport(data) as transport:
        for name in _consumers(consumer):
            for message in await transport.parked(name, limit=EVERY):
                at = message.parked_at.isoformat(timespec="seconds") if message.parked_at else "?"
                table.add_row(
                    message.consumer,
                    message.event_id,
                    message.type,
                    at,
                    str(message.attempts),
                    message.reason,
                )
    console = Console()
    console.print(table if table.row_count else "nothing is parked")


async def replay(data: DataDir, consumer: str | None, ids: Sequence[str] | None) -> None:
    await _each(data, consumer, ids, "replayed", lambda transport: transport.replay)


async def drop(data: DataDir, consumer: str | None, ids: Sequence[str] | None) -> None:
    await _each(data, consumer, ids, "dropped", lambda transport: transport.drop)


async def _each(
    data: DataDir,
    consumer: str | None,
    ids: Sequence[str] | None,
    done: str,
    operation: Callable[[Transport], Callable[[str, str | None], Awaitable[int]]],
) -> None:
    """Does one thing to parked messages, all or those named, of one consumer or of all."""
    wanted: Sequence[str | None] = ids or [None]
    async with _transport(data) as transport:
        act = operation(transport)
        count = sum([await act(name, one) for name in _consumers(consumer) for one in wanted])
    if ids and count == 0:
        raise CannotError("none of these is parked; see `careline parked list`")
    Console(stderr=True).print(f"{count} {done}")
