"""What ingest tells. Subject: the record's id. The record itself is fetched by id (docs/adr/0005)."""

from datetime import datetime
from typing import ClassVar, Literal

from careline_common.events.event import Event


class RecordReceived(Event):
    """An appeal came from a partner, for the first time or changed: fetch it and journal it."""

    TYPE: ClassVar[str] = "careline.feed.record_received.v1"

    record_id: str
    source: str
    external_id: str
    version: int
    kind: Literal["created", "updated", "withdrawn"]
    received_at: datetime


class FeedRunFinished(Event):
    TYPE: ClassVar[str] = "careline.feed.run_finished.v1"

    run_id: str
    source: str
    status: Literal["done", "failed"]
    read: int
    created: int
    updated: int
    unchanged: int
    quarantined: int
    finished_at: datetime


class ServiceRendered(Event):
    """A visit or another service outside the call centre, after which the patient is asked."""

    TYPE: ClassVar[str] = "careline.service.rendered.v1"

    record_id: str
    source: str
    external_id: str
    service: Literal["inpatient", "outpatient", "branch", "remote"]
    organisation: str | None = None
    rendered_at: datetime
