"""Leading the floor: take the lease, load the floor, work until deposed, begin again."""

import asyncio
from contextlib import suppress

import structlog

from careline_common.clock import Clock
from careline_common.http.health import Readiness
from careline_common.http.problem import NotReady
from careline_common.observability.errors import describe
from careline_router.adapters.asterisk import AsteriskPbx, AsteriskTarget, Trunk
from careline_router.config import Pbx
from careline_router.metrics import RouterMetrics
from careline_router.pbx_link import PbxLink
from careline_router.presence import Presence
from careline_router.purging import Purging
from careline_router.runtime.floor_actor import FloorActor
from careline_router.runtime.leader import Leader
from careline_router.runtime.lease import STEP_BACK_S, DeposedError, FloorLease
from careline_router.service import RouterService
from careline_router.usecases.parts import PlanHolder

log = structlog.get_logger(__name__)

RECORDINGS = "/recordings/stored/{name}/file"
"""Where an Asterisk gives its recordings out by itself, under its ARI."""

NEED = "floor"
LOOK_EVERY_S = 0.5
MEASURE_EVERY_S = 1.0
SETTLE_EVERY_S = 2.0
HAND_OVER_S = 1.0
"""How long a process that stops waits for another to lead; it may be the only one."""


class _HandedOverError(Exception):
    """This process is about to stop, and leads no more."""


class Leadership:
    """Runs the floor in this process while it holds the lease.

    Without it the process is ready as long as it knows where the leader is: it passes requests on.
    """

    def __init__(
        self,
        *,
        lease: FloorLease,
        leader: Leader,
        actor: FloorActor,
        service: RouterService,
        link: PbxLink,
        plan: PlanHolder,
        clock: Clock,
        readiness: Readiness,
        metrics: RouterMetrics,
        purging: Purging,
    ) -> None:
        self._lease = lease
        self._leader = leader
        self._actor = actor
        self._service = service
        self._link = link
        self._plan = plan
        self._clock = clock
        self._readiness = readiness
        self._metrics = metrics
        self._purging = purging
        self._presence = Presence(actor=actor, feeds=service.feeds)
        self._leaving = asyncio.Event()
        readiness.need(NEED)

    async def run(self) -> None:
        """Leads again and again; never returns by itself."""
        while True:
            try:
                await self._lease.acquire(self._see, wanted=not self._leaving.is_set())
                self._leader.is_at(None)
                await self._lead()
            except* DeposedError:
                log.warning("floor.deposed")
            except* _HandedOverError:
                log.info("floor.handed_over")
            finally:
                self._metrics.stepped_down()
                self._see(None)
                await self._lease.release()
            if not self._leaving.is_set():
                await asyncio.sleep(STEP_BACK_S)

    async def hand_over(self) -> None:
        """Leads no more, and never again: returns when another does, or nobody has come in time.

        Until this process ends it passes requests on, as any that stands by.
        """
        self._leaving.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(HAND_OVER_S):
                await self._leader.known()

    async def _leave(self) -> None:
        await self._leaving.wait()
        raise _HandedOverError

    def _see(self, address: str | None) -> None:
        """Where the leader is while this process stands by."""
        self._leader.is_at(address)
        if address is None:
            self._readiness.unmet(NEED, "this process neither leads the floor nor knows who does")
        elif self._readiness.lacks(NEED):
            self._readiness.met(NEED)

    async def _lead(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            # before the floor is loaded: a large one takes longer than a lease lasts
            tasks.create_task(self._lease.keep(), name="floor.lease")
            await self._actor.load()
            log.info("floor.loaded", calls=len(self._actor.floor.calls))
            tasks.create_task(self._actor.run(), name="floor.actor")
            tasks.create_task(self._leave(), name="floor.leave")
            await self._actor.started()
            await self._service.begin_to_lead()
            self._metrics.leading.set(1)
            self._readiness.met(NEED)
            tasks.create_task(
                self._link.watch_dialplans(self._service.dialplan_gone), name="floor.dialplans"
            )
            tasks.create_task(self._purging.run(), name="floor.purging")
            tasks.create_task(self._presence.run(), name="floor.presence")
            tasks.create_task(self._service.watch_work(), name="floor.work")
            tasks.create_task(self._measure(), name="floor.metrics")
            tasks.create_task(self._settle_bookings(), name="floor.bookings")
            tasks.create_task(self._connect_asterisks(), name="floor.asterisks")
            tasks.create_task(self._service.watch_pbxs(), name="floor.pbxs")
            tasks.create_task(self._end_skills(), name="floor.skills")

    async def _end_skills(self) -> None:
        while True:
            with suppress(NotReady):  # then this task is about to end as well
                await self._service.end_skills()
            await asyncio.sleep(MEASURE_EVERY_S)

    async def _measure(self) -> None:
        while True:
            self._metrics.measure(self._actor.floor, self._clock.now().timestamp())
            await asyncio.sleep(MEASURE_EVERY_S)

    async def _settle_bookings(self) -> None:
        """Asks about orders for appointments whose outcome nobody knows, also of a process before this one."""
        while True:
            try:
                await self._service.settle_bookings()
            except Exception as error:  # noqa: BLE001 - whatever it is, the floor goes on
                log.warning("bookings.not_settled", error=describe(error))
            await asyncio.sleep(SETTLE_EVERY_S)

    async def _connect_asterisks(self) -> None:
        """One connection to each configured Asterisk, as the configuration has it now."""
        running: dict[str, tuple[Pbx, asyncio.Task[None]]] = {}
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    wanted = {
                        name: pbx
                        for name, pbx in self._plan().pbxs.items()
                        if pbx.kind == "asterisk"
                    }
                    for name, (pbx, task) in list(running.items()):
                        if wanted.get(name) != pbx or task.done():
                            task.cancel()
                            del running[name]
                    for name, pbx in wanted.items():
                        if name not in running:
                            running[name] = (pbx, tasks.create_task(self._connect(pbx)))
                    await asyncio.sleep(LOOK_EVERY_S)
        finally:
            running.clear()

    async def _connect(self, pbx: Pbx) -> None:
        """Keeps one Asterisk connected; a failure of one must not stop the floor."""
        assert pbx.url is not None
        assert pbx.user is not None
        assert pbx.password is not None
        target = AsteriskTarget(
            id=pbx.id,
            url=pbx.url,
            application=pbx.app,
            user=pbx.user,
            password=pbx.password.get_secret_value(),
            recording_url=pbx.recording_url or pbx.url.rstrip("/") + RECORDINGS,
            trunk=None if pbx.dial_endpoint is None else _trunk(pbx.dial_endpoint, pbx),
        )
        try:
            await AsteriskPbx(target, self._service).run()
        except Exception as error:  # noqa: BLE001 - whatever it is, the floor goes on
            log.error("asterisk.failed", pbx=pbx.id, error=describe(error))  # noqa: TRY400 - as above
            await asyncio.sleep(LOOK_EVERY_S)


def _trunk(endpoint: str, pbx: Pbx) -> Trunk:
    return Trunk(endpoint=endpoint, caller_id=pbx.dial_caller_id, timeout_s=pbx.dial_timeout_s)
