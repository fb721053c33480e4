"""One Asterisk: tells the router what callers and phones do, and carries out its commands.

Asterisk forgets nothing we need: after any loss of the socket, callers still wait in their bridges, and
whatever happened meanwhile is found by comparing (`reconcile`).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from careline_router.adapters.asterisk.channels import hold_bridge
from careline_router.adapters.asterisk.commands import Commands
from careline_router.adapters.asterisk.connection import (
    AriConnection,
    AsteriskGoneError,
    connect,
    part,
)
from careline_router.adapters.asterisk.hearing import Hearing, ReplacedError
from careline_router.adapters.asterisk.persons import Persons
from careline_router.adapters.asterisk.reconcile import Comparison
from careline_router.adapters.asterisk.requests import ensure_bridge
from careline_router.adapters.asterisk.session import Legs, Session
from careline_router.adapters.asterisk.target import AsteriskTarget
from careline_router.service import RouterService

log = structlog.get_logger(__name__)

COMMANDS_WAIT_S = 20.0
RECONCILE_EVERY_S = 30.0
RECONNECT_S = 0.5


class AsteriskPbx:
    """Keeps one socket to one Asterisk open, for as long as `run` runs."""

    def __init__(self, target: AsteriskTarget, service: RouterService) -> None:
        self._target = target
        self._service = service
        self._legs = Legs()
        self._away: str | None = None

    async def run(self) -> None:
        """Connects, and connects again whenever the socket is lost."""
        while True:
            try:
                await self._session()
            except AsteriskGoneError as error:
                self._is_away(str(error))
            except ExceptionGroup as group:
                expected, rest = group.split((AsteriskGoneError, ReplacedError))
                if rest is not None:
                    raise rest from None
                self._is_away(repr(expected))
            # a socket that ended first may have hidden that this task was to end
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError
            await asyncio.sleep(RECONNECT_S)

    def _is_away(self, reason: str) -> None:
        """Tells of an Asterisk that is gone once, however often we look for it."""
        if reason != self._away:
            log.warning("asterisk.gone", pbx=self._target.id, reason=reason)
            self._away = reason

    async def _session(self) -> None:
        target = self._target
        async with connect(
            target.url, application=target.application, user=target.user, password=target.password
        ) as ari:
            await self._prepare(ari)
            log.info("asterisk.connected", pbx=target.id)
            self._away = None
            async with self._heard(), asyncio.TaskGroup() as tasks:
                session = Session(
                    ari=ari, target=target, service=self._service, legs=self._legs, tasks=tasks
                )
                persons = Persons(session)
                commands = Commands(session, persons)
                hearing = Hearing(session, persons, commands)
                tasks.create_task(_repeat(Comparison(session, persons, commands, hearing)))
                tasks.create_task(self._take_commands(commands))
                await hearing.hear_out()
                raise AsteriskGoneError("the socket closed")

    @asynccontextmanager
    async def _heard(self) -> AsyncIterator[None]:
        self._service.signs.connected(self._target.id)
        try:
            yield
        finally:
            self._service.signs.cut_off(self._target.id)

    async def _prepare(self, ari: AriConnection) -> None:
        hold = hold_bridge(self._target.application)
        answer = await ensure_bridge(ari, hold, "holding")
        if not answer.ok:
            raise AsteriskGoneError(f"no holding bridge: {answer.reason}")
        await ari.request("POST", f"bridges/{part(hold)}/moh")

    async def _take_commands(self, commands: Commands) -> None:
        while True:
            commands.start(
                await self._service.pbx.commands(self._target.id, wait_s=COMMANDS_WAIT_S)
            )


async def _repeat(comparison: Comparison) -> None:
    while True:
        await comparison.run()
        await asyncio.sleep(RECONCILE_EVERY_S)
