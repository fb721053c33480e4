"""One service by itself: PostgreSQL and RabbitMQ by URL, everything by `CARELINE_*` variables."""

import asyncio
import contextlib
import os
import socket
import sys

from pydantic import ValidationError

from careline import roster, serving
from careline.datadir import CannotError
from careline_common.clock import SystemClock
from careline_common.db.migrate import upgrade
from careline_common.http.health import Readiness
from careline_common.ids import UuidIds
from careline_common.messaging.local import LocalTransport
from careline_common.messaging.rabbit import RabbitTransport
from careline_common.messaging.transport import Transport
from careline_common.observability.logging import configure_logging
from careline_common.settings import ServiceSettings


def settings_of(member: roster.Member) -> ServiceSettings:
    """Reads the environment; a missing or wrong variable is named."""
    try:
        return member.settings()
    except ValidationError as error:
        reasons = "; ".join(
            f"CARELINE_{'_'.join(map(str, item['loc'])).upper()}: {item['msg'].lower()}"
            for item in error.errors()
        )
        raise CannotError(f"cannot start {member.name}: {reasons}") from error


def transport_of(settings: ServiceSettings) -> Transport:
    if settings.rabbitmq_url is not None:
        return RabbitTransport(settings.rabbitmq_url.get_secret_value(), clock=SystemClock())
    return LocalTransport(settings.database_url.get_secret_value())


async def serve(name: str, *, host: str, port: int) -> None:
    """Serves until SIGINT or SIGTERM; prints `ready http://HOST:PORT` once ready."""
    member = roster.member(name)
    settings = settings_of(member)
    configure_logging(settings)
    os.nice(settings.nice)
    stop = serving.stop_requested()
    listener = serving.listen(host, port)
    address = serving.address_of(listener, settings.address)
    settings = settings.model_copy(update={"address": address})
    transport = transport_of(settings)
    service = member.create_service(
        settings, transport=transport, clock=SystemClock(), ids=UuidIds()
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(transport.close)
        await stack.enter_async_context(service.running())
        await stack.enter_async_context(serving.serving(service.app, listener))
        announce = asyncio.create_task(_announce(service.readiness, listener))
        await stop.wait()
        announce.cancel()
        if service.hand_over is not None:
            await service.hand_over()


async def _announce(readiness: Readiness, listener: socket.socket) -> None:
    await readiness.wait()
    sys.stdout.write(f"ready {serving.url_of(listener)}\n")
    sys.stdout.flush()


async def migrate(name: str) -> None:
    member = roster.member(name)
    settings = settings_of(member)
    try:
        await upgrade(settings.database_url.get_secret_value(), package=member.package, schema=name)
    except OSError as error:
        raise CannotError(
            f"cannot reach PostgreSQL: {error}; check CARELINE_DATABASE_URL"
        ) from error
