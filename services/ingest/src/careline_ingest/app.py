"""Puts ingest together."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from importlib.metadata import version

from fastapi import APIRouter, FastAPI

from careline_common.clock import Clock
from careline_common.config import ConfigStore, config_routes, entry_routes, watch_config
from careline_common.db.engine import Database
from careline_common.db.migrate import require_current, upgrade
from careline_common.http.app import add_router, create_app
from careline_common.http.auth import Authenticator
from careline_common.http.health import Readiness
from careline_common.http.idempotency import purge_task
from careline_common.ids import Ids
from careline_common.lifecycle import Service
from careline_common.messaging.runtime import messaging_tasks
from careline_common.messaging.transport import Transport
from careline_common.observability.metrics import MetricsRegistry
from careline_common.observability.pii import PiiHasher
from careline_ingest.adapters.archive import Archive
from careline_ingest.adapters.https_pull import HttpsSource
from careline_ingest.adapters.open311 import open311_of
from careline_ingest.adapters.parsers import LibraryParsers
from careline_ingest.adapters.portal import PortalSource, portal_of
from careline_ingest.adapters.readers import LibraryReaders
from careline_ingest.adapters.sftp import SftpSource
from careline_ingest.adapters.spool import Spool
from careline_ingest.api import (
    files,
    health,
    persons,
    quarantine,
    recordings,
    records,
    runs,
    sources,
)
from careline_ingest.api.access import SOURCE_READERS
from careline_ingest.api.open311 import requests as open311_requests
from careline_ingest.config import SECTIONS, SourceEntry, cross_check
from careline_ingest.config_remote import FETCHED
from careline_ingest.consumers import subscriptions
from careline_ingest.db.tables import SCHEMA
from careline_ingest.fetching import Fetching
from careline_ingest.intake import Intake, IntakeTools
from careline_ingest.lateness import Lateness
from careline_ingest.metrics import IngestMetrics
from careline_ingest.open311 import Open311
from careline_ingest.outward import Outward
from careline_ingest.pace import Pace
from careline_ingest.ports import Source, Span
from careline_ingest.pushing import Pushing
from careline_ingest.replays import Replays
from careline_ingest.service import IngestService
from careline_ingest.settings import IngestSettings
from careline_ingest.sweeping import sweep
from careline_ingest.tasks import SourceTasks
from careline_ingest.turns import Turns
from careline_ingest.volumes import Volumes
from careline_ingest.watch import FolderWatch

PACKAGE = "careline_ingest"
SWEEP_EVERY_S = 3600.0
LATE_EVERY_S = 5.0
VOLUMES_EVERY_S = 60.0

Task = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    settings: IngestSettings
    clock: Clock
    database: Database
    store: ConfigStore
    spool: Spool
    archive: Archive | None
    intake: Intake
    service: IngestService
    replays: Replays
    pushing: Pushing
    turns: Turns
    sources: SourceTasks
    lateness: Lateness
    hasher: PiiHasher
    parsers: LibraryParsers
    outward: Outward
    volumes: Volumes


def create_service(
    settings: IngestSettings, *, transport: Transport, clock: Clock, ids: Ids
) -> Service:
    """Ingest, ready to be run: alone, or beside the other three."""
    registry = MetricsRegistry("ingest")
    parts = _build(settings, registry, clock, ids)
    readiness = Readiness()
    readiness.need("started")
    app = create_app(
        title="Careline ingest",
        version=version("careline-ingest"),
        description="Files of insurers and portals in, one record an appeal, nothing lost.",
        readiness=readiness,
        authenticator=Authenticator.from_settings(settings, clock),
        settings=settings,
        metrics_registry=registry,
        body_limits={files.UPLOAD_PATH: settings.ingest_max_file},
        clock=clock,
        ids=ids,
    )
    _add_routes(app, parts)
    hearing = app.state.subscriptions = subscriptions(parts.service.sources)
    messaging = messaging_tasks(
        database=parts.database,
        transport=transport,
        subscriptions=hearing,
        clock=clock,
        readiness=readiness,
        registry=registry.registry,
    )
    return Service(
        name="ingest",
        app=app,
        readiness=readiness,
        start=_start(parts, transport),
        background=[*messaging, *_own_tasks(parts), purge_task(parts.database, clock)],
        stop=_stop(parts),
    )


def _build(settings: IngestSettings, registry: MetricsRegistry, clock: Clock, ids: Ids) -> _Parts:
    database = Database(
        settings.database_url.get_secret_value(),
        schema=SCHEMA,
        source="ingest",
        clock=clock,
        ids=ids,
        pool_size=settings.database_pool_size,
    )
    store = ConfigStore(database, SECTIONS, clock=clock, cross_check=cross_check)
    metrics = IngestMetrics(registry)
    archive = None
    if settings.keys_file is not None:
        archive = Archive(settings.ingest_dir / "archive", settings.keys_file)
    spool = Spool(settings.ingest_dir, archive)
    parsers = LibraryParsers()
    hasher = PiiHasher(settings.pii_key)
    pace = Pace(settings.ingest_rows_per_s, clock)
    intake = Intake(
        IntakeTools(
            database=database,
            spool=spool,
            parsers=parsers,
            readers=LibraryReaders(),
            hasher=hasher,
            metrics=metrics,
            clock=clock,
            batch_rows=pace.batch_rows(settings.ingest_batch_rows),
            pace=pace,
            alone_bytes=settings.ingest_alone_bytes,
        )
    )
    service = IngestService(
        database=database,
        store=store,
        spool=spool,
        metrics=metrics,
        settings=settings,
        clock=clock,
        ids=ids,
        wake=intake.wake,
    )
    fetching = Fetching(
        database=database,
        service=service,
        metrics=metrics,
        connect=partial(_source, clock=clock),
        retry_s=settings.ingest_retry_s,
    )
    pushing = Pushing(parsers=parsers, hasher=hasher, metrics=metrics)
    turns = Turns(
        database=database,
        service=service,
        fetching=fetching,
        metrics=metrics,
        settings=settings,
        ids=ids,
    )
    folders = FolderWatch(service, metrics, poll_s=settings.ingest_poll_s)
    sources = SourceTasks({"folder": folders.watch, **dict.fromkeys(FETCHED, turns.watch)}, metrics)
    store.on_applied(sources.configured)
    return _Parts(
        settings=settings,
        clock=clock,
        database=database,
        store=store,
        spool=spool,
        archive=archive,
        intake=intake,
        service=service,
        replays=Replays(
            store=store, service=service, parsers=parsers, hasher=hasher, metrics=metrics
        ),
        pushing=pushing,
        turns=turns,
        sources=sources,
        outward=Outward(
            database=database,
            service=service,
            metrics=metrics,
            clock=clock,
            ids=ids,
            every_s=settings.ingest_poll_s,
            retry_s=settings.ingest_retry_s,
            lease_s=settings.ingest_lease_s,
        ),
        volumes=Volumes(
            database=database,
            service=service,
            metrics=metrics,
            clock=clock,
            every_s=VOLUMES_EVERY_S,
        ),
        lateness=Lateness(database, service, metrics, every_s=LATE_EVERY_S),
        hasher=hasher,
        parsers=parsers,
    )


def _source(entry: SourceEntry, span: Span | None, *, clock: Clock) -> Source:
    match entry.kind:
        case "sftp":
            return SftpSource(entry)
        case "portal":
            return PortalSource(entry, portal_of(entry), clock, span)
        case "open311":
            return PortalSource(entry, open311_of(entry), clock, span)
        case _:
            return HttpsSource(entry, clock)


def _add_routes(app: FastAPI, parts: _Parts) -> None:
    app.state.config_store = parts.store
    app.state.database = parts.database
    app.state.ingest = parts.service
    app.state.replays = parts.replays
    app.state.turns = parts.turns
    app.state.hasher = parts.hasher
    app.state.clock = parts.clock
    app.state.pushing = parts.pushing
    app.state.archive = parts.archive
    app.state.volumes = parts.volumes
    app.state.open311 = Open311(database=parts.database, store=parts.store, pushing=parts.pushing)
    add_router(app, config_routes())
    add_router(app, _source_entries())
    for each in (
        files,
        runs,
        quarantine,
        records,
        recordings,
        sources,
        health,
        persons,
    ):
        add_router(app, each.router)
    for place in open311_requests.PLACES:
        shown = place == open311_requests.PLACES[0]
        app.include_router(open311_requests.router, prefix=place, include_in_schema=shown)


@cache
def _source_entries() -> APIRouter:
    sections = {section.name: section for section in SECTIONS}
    return entry_routes(sections["sources"], readers=SOURCE_READERS, listed=True)


def _start(parts: _Parts, transport: Transport) -> Task:
    async def start() -> None:
        url = parts.settings.database_url.get_secret_value()
        bring = upgrade if parts.settings.migrate_on_start else require_current
        await bring(url, package=PACKAGE, schema=SCHEMA)
        await asyncio.to_thread(parts.spool.prepare)
        await parts.store.load()
        await transport.open()

    return start


def _stop(parts: _Parts) -> Task:
    async def stop() -> None:
        await asyncio.to_thread(parts.parsers.close)
        await parts.database.close()

    return stop


def _own_tasks(parts: _Parts) -> list[tuple[str, Task]]:
    async def sweep_all() -> None:
        while True:
            keep_failed_s = parts.settings.ingest_keep_failed_s
            await sweep(parts.spool, parts.database, parts.clock, keep_failed_s=keep_failed_s)
            if parts.archive is not None:
                kept_from = parts.clock.now() - timedelta(days=parts.settings.ingest_archive_days)
                await asyncio.to_thread(parts.archive.tend, kept_from.timestamp())
            await asyncio.sleep(SWEEP_EVERY_S)

    intakes: list[tuple[str, Task]] = [
        (f"intake {number}", parts.intake.run)
        for number in range(1, parts.settings.ingest_workers + 1)
    ]
    return [
        *intakes,
        ("sources", parts.sources.run),
        ("lateness", parts.lateness.run),
        ("outward", parts.outward.run),
        ("volumes", parts.volumes.run),
        ("sweep", sweep_all),
        ("watch-config", lambda: watch_config(parts.store)),
    ]
