"""Puts the journal together."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib.metadata import version

from careline_common.clock import Clock
from careline_common.config import ConfigStore, config_routes, watch_config
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
from careline_tickets.adapters.chance import SystemChance
from careline_tickets.adapters.clamd import ClamScanner
from careline_tickets.adapters.vault import Vault
from careline_tickets.api import (
    attachments,
    department_reports,
    form,
    held_mail,
    insurer,
    lists,
    opinion_reports,
    outlook,
    persons,
    policies,
    pulling,
    recordings,
    reports,
    suggestions,
    surges,
    tickets,
    track,
    transcripts,
)
from careline_tickets.api.office import Office
from careline_tickets.attaching import AttachmentDesk
from careline_tickets.classifier import Classifier
from careline_tickets.config import SECTIONS, Rules, cross_check
from careline_tickets.consumers import subscriptions
from careline_tickets.db import reading, steps
from careline_tickets.db.repository import Repository
from careline_tickets.db.tables import SCHEMA
from careline_tickets.erasing import keep_finishing
from careline_tickets.feeds import FeedDesk
from careline_tickets.limiter import Limiter
from careline_tickets.lookup import Lookup
from careline_tickets.mail import MailServers, RealServers, Tasks, answering, mail_tasks
from careline_tickets.mail_taking import MailDesk
from careline_tickets.mail_writing import MailWriter
from careline_tickets.metrics import TicketsMetrics
from careline_tickets.neighbours import Neighbours
from careline_tickets.noticing import Noticer, PromiseWatch, watching_promises
from careline_tickets.reporting import Reporter, making
from careline_tickets.rewording import keep_rewording
from careline_tickets.scanning import Scanning, scanning
from careline_tickets.sealing import sealing
from careline_tickets.sealing_files import sealing_files
from careline_tickets.service import Journal
from careline_tickets.settings import TicketsSettings
from careline_tickets.stepping import Stepper
from careline_tickets.surging import SurgeDesk, watching

PACKAGE = "careline_tickets"
COUNT_EVERY_S = 30.0
ROUTES = (
    attachments,
    lists,
    policies,
    pulling,
    recordings,
    tickets,
    suggestions,
    track,
    transcripts,
    form,
    held_mail,
    insurer,
    reports,
    persons,
    surges,
    department_reports,
    opinion_reports,
    outlook,
)
"""In this order: a path with a word in it stands before the same with an id."""


def create_service(
    settings: TicketsSettings,
    *,
    transport: Transport,
    clock: Clock,
    ids: Ids,
    mail_servers: MailServers | None = None,
) -> Service:
    """The journal as a service; nothing is connected before it runs. Without `mail_servers` mail goes by
    those of the configuration."""
    url = settings.database_url.get_secret_value()
    database = Database(
        url,
        schema=SCHEMA,
        source="tickets",
        clock=clock,
        ids=ids,
        pool_size=settings.database_pool_size,
    )
    registry = MetricsRegistry("tickets")
    metrics = TicketsMetrics(registry)
    readiness = Readiness()
    readiness.need("started")
    store = ConfigStore(database, SECTIONS, clock=clock, cross_check=cross_check)
    hasher = PiiHasher(settings.pii_key)
    repository = Repository(hasher=hasher, chance=SystemChance())
    writer = MailWriter(hasher, repository)
    rules = _Current(store)
    noticer = Noticer(repository, writer, rules)
    journal = Journal(
        repository=repository,
        lookup=Lookup(hasher),
        chance=SystemChance(),
        rules=rules,
        metrics=metrics,
        observers=[answering(writer, rules), noticer.changed],
    )
    vault = Vault(settings.keys_file)
    files = AttachmentDesk(journal, SystemChance(), vault, most_bytes=settings.attachment_max_bytes)
    mail_desk = MailDesk(journal, writer, files, hasher=hasher, vault=vault)
    mail = mail_tasks(
        database=database,
        journal=journal,
        writer=writer,
        desk=mail_desk,
        servers=mail_servers or RealServers(clock),
        ids=ids,
        metrics=metrics,
        every_s=settings.mail_look_s,
    )
    classifier = Classifier(database, clock)
    neighbours = Neighbours(settings, clock)
    surge_desk = SurgeDesk(database, journal, clock)
    office = Office(
        database=database,
        journal=journal,
        clock=clock,
        region=settings.phone_region,
        limiter=Limiter(per_minute=settings.track_per_minute, clock=clock),
        form_limiter=Limiter(per_minute=settings.form_per_minute, clock=clock),
        fresh_key=lambda: SystemChance().salt().hex(),
        classifier=classifier,
        calls=neighbours.calls,
        metrics=metrics,
        call_recordings=neighbours.call_recordings,
        partner_recordings=neighbours.partner_recordings,
        recordings=neighbours.recordings,
        surges=surge_desk,
        attachments=files,
        vault=vault,
        mail_writer=writer,
        mail_desk=mail_desk,
    )
    messaging = messaging_tasks(
        database=database,
        transport=transport,
        subscriptions=subscriptions(
            journal,
            FeedDesk(journal, region=settings.phone_region),
            neighbours.records,
            neighbours.comments,
            neighbours.messages,
        ),
        clock=clock,
        readiness=readiness,
        registry=registry.registry,
    )

    async def start() -> None:
        prepare = upgrade if settings.migrate_on_start else require_current
        vault.current()
        await prepare(url, package=PACKAGE, schema=SCHEMA)
        await store.load()
        await transport.open()

    async def stop() -> None:
        await neighbours.aclose()
        await database.close()

    app = create_app(
        title="Careline tickets",
        version=version("careline-tickets"),
        description="The journal of all appeals",
        readiness=readiness,
        authenticator=Authenticator.from_settings(settings, clock),
        settings=settings,
        metrics_registry=registry,
        body_limits={
            attachments.UPLOAD_PATH: settings.attachment_max_bytes,
            form.PATH: form.MOST_FILES * settings.attachment_max_bytes + settings.max_body_bytes,
        },
        clock=clock,
        ids=ids,
    )
    app.state.office = office
    app.state.config_store = store
    for routes in ROUTES:
        add_router(app, routes.router)
    add_router(app, config_routes())
    return Service(
        name="tickets",
        app=app,
        readiness=readiness,
        start=start,
        background=(
            *messaging,
            *mail,
            ("watch-promises", watching_promises(PromiseWatch(database, noticer, clock), rules)),
            *_scanning(settings, database, journal, files, metrics),
            *_sealing_files(settings, database, vault),
            ("watch-config", lambda: watch_config(store)),
            ("learn-subjects", classifier.learn_on),
            ("count-open", _counting(database, clock, metrics)),
            ("fire-steps", Stepper(database, journal).run),
            ("seal-history", sealing(database)),
            ("finish-erasing", lambda: keep_finishing(database)),
            ("watch-surges", watching(surge_desk, database)),
            ("give-words", lambda: keep_rewording(database)),
            ("make-reports", making(Reporter(database, journal.rules, clock))),
            purge_task(database, clock),
        ),
        stop=stop,
    )


def _sealing_files(settings: TicketsSettings, database: Database, vault: Vault) -> Tasks:
    """Without keys nothing is sealed, and what was sealed before stays so."""
    if settings.keys_file is None:
        return ()
    return (("seal-files", sealing_files(database, vault)),)


def _scanning(
    settings: TicketsSettings,
    database: Database,
    journal: Journal,
    files: AttachmentDesk,
    metrics: TicketsMetrics,
) -> Tasks:
    """Without a scanner no file is scanned, and none is given out."""
    if settings.scanner is None:
        return ()
    scanner = ClamScanner(settings.scanner)
    return (("scan-files", scanning(Scanning(database, journal, files, scanner, metrics))),)


class _Current:
    """The rules of the configuration as it is now, made anew only when it has changed."""

    def __init__(self, store: ConfigStore) -> None:
        self._store = store
        self._made_of = store.current
        self._rules = Rules.of(store.current)

    def __call__(self) -> Rules:
        if self._store.current is not self._made_of:
            self._made_of = self._store.current
            self._rules = Rules.of(self._made_of)
        return self._rules


def _counting(
    database: Database, clock: Clock, metrics: TicketsMetrics
) -> Callable[[], Awaitable[None]]:
    async def count() -> None:
        while True:
            async with database.read() as connection:
                counts = await reading.open_by_status(connection, clock.now())
                metrics.step_lag.set(await steps.lag_s(connection))
            metrics.show_open(counts)
            await asyncio.sleep(COUNT_EVERY_S)

    return count
