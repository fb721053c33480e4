"""Puts the router together."""

import os
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta
from importlib.metadata import version

import httpx
from starlette.middleware import Middleware

from careline_common.clock import Clock
from careline_common.config import ConfigStore, watch_config
from careline_common.db.engine import Database
from careline_common.db.migrate import require_current, upgrade
from careline_common.http.app import create_app
from careline_common.http.auth import Authenticator
from careline_common.http.health import Readiness
from careline_common.http.idempotency import purge_task
from careline_common.ids import Ids
from careline_common.lifecycle import Service
from careline_common.messaging.runtime import messaging_tasks
from careline_common.messaging.transport import Transport
from careline_common.observability.metrics import MetricsRegistry
from careline_common.observability.pii import PiiHasher
from careline_router.api import install
from careline_router.api.forwarding import Forwarding, connections_to_leader
from careline_router.booking_desk import BookingDesk
from careline_router.callback_queries import CallbackQueries
from careline_router.config import SECTIONS, Flow, cross_check
from careline_router.consumers import subscriptions
from careline_router.db.tables import SCHEMA
from careline_router.emergency import EmergencySwitch
from careline_router.feeds import Feeds
from careline_router.forecasts import Forecasts
from careline_router.intake import Intake
from careline_router.interval_report import IntervalReport
from careline_router.leadership import Leadership
from careline_router.metrics import RouterMetrics
from careline_router.pbx_link import PbxLink
from careline_router.pbx_signs import PbxSigns
from careline_router.purging import Kept, Purging
from careline_router.queries import Queries
from careline_router.records_desk import RecordsDesk
from careline_router.runtime.contacts import Contacts
from careline_router.runtime.floor_actor import FLOOR, FloorActor
from careline_router.runtime.leader import Leader
from careline_router.runtime.lease import FloorLease
from careline_router.service import RouterService
from careline_router.settings import RouterSettings
from careline_router.supervisor_board import Boards
from careline_router.usecases.parts import Parts, PlanHolder

PACKAGE = "careline_router"
FLOOR_POOL_SIZE = 2
"""The floor's commits, and its snapshots, do not queue up behind those who only read."""

Task = Callable[[], Awaitable[None]]


def create_service(
    settings: RouterSettings, *, transport: Transport, clock: Clock, ids: Ids
) -> Service:
    """The router, ready to be run: alone, or beside the other three."""
    registry = MetricsRegistry("router")
    readiness = Readiness()
    parts, lease = build(settings, registry, clock, ids)
    store = ConfigStore(parts.database, SECTIONS, clock=clock, cross_check=cross_check)
    service = RouterService(parts)
    store.on_applied(service.configuration_changed)
    leader, connections = Leader(), connections_to_leader()
    leadership = Leadership(
        lease=lease,
        leader=leader,
        actor=parts.actor,
        service=service,
        link=parts.pbx,
        plan=parts.plan,
        clock=clock,
        readiness=readiness,
        metrics=parts.metrics,
        purging=Purging(
            database=parts.database,
            lease=lease,
            clock=clock,
            floor_id=FLOOR,
            kept=Kept(
                messages=timedelta(seconds=settings.agent_message_keep_s),
                journal=timedelta(days=settings.journal_keep_days),
                decisions=timedelta(days=settings.decision_keep_days),
            ),
        ),
    )
    app = create_app(
        title="Careline router",
        version=version("careline-router"),
        description="Decides which agent gets a call.",
        readiness=readiness,
        authenticator=Authenticator.from_settings(settings, clock),
        settings=settings,
        metrics_registry=registry,
        clock=clock,
        ids=ids,
        referred=[Flow],
        in_front=[
            Middleware(
                Forwarding,
                leads=lambda: service.leads,
                leader=leader,
                connections=connections,
            )
        ],
    )
    install(app, service=service, store=store, clock=clock, ids=ids, metrics=registry)

    async def watch() -> None:
        await watch_config(store)

    messaging = messaging_tasks(
        database=parts.database,
        transport=transport,
        subscriptions=subscriptions(),
        clock=clock,
        readiness=readiness,
        registry=registry.registry,
    )
    return Service(
        name="router",
        app=app,
        readiness=readiness,
        start=_start(settings, store, transport),
        background=[
            ("floor", leadership.run),
            ("configuration", watch),
            *messaging,
            purge_task(parts.database, clock),
        ],
        hand_over=leadership.hand_over,
        stop=_stop(parts, lease, connections),
    )


def build(
    settings: RouterSettings, registry: MetricsRegistry, clock: Clock, ids: Ids
) -> tuple[Parts, FloorLease]:
    """The parts of a router, and the lease by which it leads."""
    url = settings.database_url.get_secret_value()
    database, floor_database = (
        Database(url, schema=SCHEMA, source="router", clock=clock, ids=ids, pool_size=size)
        for size in (settings.database_pool_size, FLOOR_POOL_SIZE)
    )
    metrics = RouterMetrics(registry)
    contacts = Contacts()
    plan = PlanHolder()
    lease = FloorLease(
        url,
        schema=SCHEMA,
        floor=FLOOR,
        holder=f"{socket.gethostname()}:{os.getpid()}",
        clock=clock,
        address=settings.address,
    )
    actor = FloorActor(
        database=floor_database,
        lease=lease,
        clock=clock,
        ids=ids,
        metrics=metrics,
        contacts=contacts,
    )
    queries = Queries(database=database, plan=plan, floor=lambda: actor.floor, clock=clock)
    link = PbxLink(database=database, actor=actor, clock=clock)
    feeds = Feeds(database=database, queries=queries, contacts=contacts, clock=clock)
    for listener in (metrics.committed, feeds.committed, link.committed):
        actor.on_committed(listener)
    parts = Parts(
        database=database,
        actor=actor,
        contacts=contacts,
        intake=Intake(clock=clock, metrics=metrics),
        queries=queries,
        intervals=IntervalReport(database=database, plan=plan, clock=clock),
        forecasts=Forecasts(database=database, plan=plan, clock=clock),
        callbacks=CallbackQueries(database=database, actor=actor),
        pbx=link,
        signs=PbxSigns(clock),
        feeds=feeds,
        boards=Boards(floor=lambda: actor.floor, plan=plan, clock=clock),
        plan=plan,
        emergency=EmergencySwitch(),
        bookings=BookingDesk(clock=clock, metrics=metrics),
        records=RecordsDesk(clock=clock, metrics=metrics),
        clock=clock,
        ids=ids,
        hasher=PiiHasher(settings.pii_key),
        metrics=metrics,
    )
    return parts, lease


def _start(settings: RouterSettings, store: ConfigStore, transport: Transport) -> Task:
    async def start() -> None:
        url = settings.database_url.get_secret_value()
        prepare = upgrade if settings.migrate_on_start else require_current
        await prepare(url, package=PACKAGE, schema=SCHEMA)
        await store.load()
        await transport.open()

    return start


def _stop(parts: Parts, lease: FloorLease, connections: httpx.AsyncBaseTransport) -> Task:
    async def stop() -> None:
        await lease.release()
        await connections.aclose()
        await parts.close()

    return stop
