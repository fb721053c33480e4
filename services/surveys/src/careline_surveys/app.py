"""Puts surveys together."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

from fastapi import FastAPI

from careline_common.clock import Clock
from careline_common.config import config_routes, watch_config
from careline_common.db.engine import Database
from careline_common.db.migrate import require_current, upgrade
from careline_common.http.app import add_router, create_app
from careline_common.http.auth import Authenticator
from careline_common.http.client import http_client
from careline_common.http.health import Readiness
from careline_common.http.idempotency import purge_task
from careline_common.http.issuer import ServiceTokens
from careline_common.http.signed import SignedCallbacks
from careline_common.ids import Ids
from careline_common.lifecycle import Service
from careline_common.messaging.runtime import messaging_tasks
from careline_common.messaging.transport import Transport
from careline_common.observability.metrics import MetricsRegistry
from careline_surveys.adapters.records import Records
from careline_surveys.api import (
    definitions,
    follow_ups,
    forms,
    invitations,
    messages,
    optouts,
    persons,
    scores,
    sms,
    topics,
)
from careline_surveys.config import SECTIONS, SurveysConfigStore
from careline_surveys.consumers import subscriptions
from careline_surveys.db.tables import SCHEMA
from careline_surveys.forgetting import forget_callers
from careline_surveys.metrics import SurveysMetrics
from careline_surveys.preview import cross_check
from careline_surveys.service import SurveysService
from careline_surveys.settings import SurveysSettings

PACKAGE = "careline_surveys"

Task = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    settings: SurveysSettings
    database: Database
    store: SurveysConfigStore
    service: SurveysService
    records: Records


def create_service(
    settings: SurveysSettings, *, transport: Transport, clock: Clock, ids: Ids
) -> Service:
    """Surveys, ready to be run: alone, or beside the other three."""
    registry = MetricsRegistry("surveys")
    parts = _build(settings, registry, clock, ids)
    readiness = Readiness()
    readiness.need("started")
    app = create_app(
        title="Careline surveys",
        version=version("careline-surveys"),
        description="Asks every patient how it went, and scores the answers.",
        readiness=readiness,
        authenticator=Authenticator.from_settings(settings, clock),
        settings=settings,
        metrics_registry=registry,
        clock=clock,
        ids=ids,
    )
    _add_routes(app, parts, SignedCallbacks(clock=clock, metrics=registry))
    messaging = messaging_tasks(
        database=parts.database,
        transport=transport,
        subscriptions=subscriptions(
            parts.service, parts.records, gather_s=settings.surveys_gather_s
        ),
        clock=clock,
        readiness=readiness,
        registry=registry.registry,
    )
    return Service(
        name="surveys",
        app=app,
        readiness=readiness,
        start=_start(parts, transport),
        background=[
            *messaging,
            ("send", parts.service.sender.run),
            ("keep-up", parts.service.sender.keep_up),
            ("look-for-gaps", parts.service.look_for_gaps),
            (
                "forget-callers",
                lambda: forget_callers(
                    parts.database, clock, timedelta(days=settings.contact_keep_days)
                ),
            ),
            ("watch-config", lambda: watch_config(parts.store)),
            purge_task(parts.database, clock),
        ],
        stop=_stop(parts),
    )


def _build(settings: SurveysSettings, registry: MetricsRegistry, clock: Clock, ids: Ids) -> _Parts:
    database = Database(
        settings.database_url.get_secret_value(),
        schema=SCHEMA,
        source="surveys",
        clock=clock,
        ids=ids,
        pool_size=settings.database_pool_size,
    )
    service = SurveysService(
        database=database,
        metrics=SurveysMetrics(registry),
        settings=settings,
        clock=clock,
        ids=ids,
    )
    store = SurveysConfigStore(
        database, SECTIONS, clock=clock, cross_check=cross_check(service.links)
    )
    store.on_applied(service.configure)
    tokens = ServiceTokens.from_settings(settings, subject="surveys", clock=clock)
    records = Records(http_client(settings.ingest_url, tokens=tokens))
    return _Parts(
        settings=settings, database=database, store=store, service=service, records=records
    )


def _add_routes(app: FastAPI, parts: _Parts, callbacks: SignedCallbacks) -> None:
    app.state.database = parts.database
    app.state.surveys = parts.service
    app.state.config_store = parts.store
    app.state.callbacks = callbacks
    add_router(app, config_routes())
    for each in (
        definitions,
        invitations,
        messages,
        sms,
        scores,
        topics,
        follow_ups,
        optouts,
        persons,
        forms,
    ):
        add_router(app, each.router)


def _start(parts: _Parts, transport: Transport) -> Task:
    async def start() -> None:
        url = parts.settings.database_url.get_secret_value()
        bring = upgrade if parts.settings.migrate_on_start else require_current
        await bring(url, package=PACKAGE, schema=SCHEMA)
        await parts.store.load()
        await transport.open()

    return start


def _stop(parts: _Parts) -> Task:
    async def stop() -> None:
        await parts.service.providers.close()
        await parts.records.close()
        await parts.database.close()

    return stop
