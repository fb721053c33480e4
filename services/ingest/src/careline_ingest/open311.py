"""Open311 clients as ingest deals with them: who they are, and their appeals as records."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from careline_common.config import ConfigStore, Subject
from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_ingest.config import SourceEntry, feed_spec
from careline_ingest.db import open311
from careline_ingest.db.open311 import Row
from careline_ingest.domain import georeport
from careline_ingest.domain.faults import Fault
from careline_ingest.domain.feed import IDENTITY, Column, FeedSpec
from careline_ingest.domain.georeport import Query, RefusedError
from careline_ingest.domain.normalise import storable
from careline_ingest.pushing import Pushing

OWN_SOURCE = "open311"
"""The source of appeals that are filed with a token and not with the key of a source."""
FIELDS = (IDENTITY, "subject", "text", "phone", "name")
_NAMED = {"subject": "service_code", "text": "description", "name": "last_name"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Somebody who asks. `source`: the one whose appeals he files and sees; None: he sees all."""

    name: str
    source: str | None


class Open311:
    """The use cases of `/open311/v2`."""

    def __init__(self, *, database: Database, store: ConfigStore, pushing: Pushing) -> None:
        self._database = database
        self._store = store
        self._pushing = pushing

    def client_with_key(self, key: str) -> Client:
        """The portal that shows the `api_key` of a source; raises `RefusedError` (403)."""
        found = None
        for source in self._store.current.all("sources", SourceEntry).values():
            known = source.api_key.get_secret_value() if source.api_key else ""
            if known and hmac.compare_digest(known.encode(), key.encode("utf-8", "replace")):
                found = source.id
        if found is None:
            raise RefusedError(403, "this api_key is not known here")
        return Client(name=f"source:{found}", source=found)

    def subjects(self) -> Mapping[str, Subject]:
        return self._store.current.all("subjects", Subject)

    def subject(self, code: str) -> Subject:
        """Raises `RefusedError` (404)."""
        found = self.subjects().get(code)
        if found is None:
            raise RefusedError(404, f"there is no service_code {code!r}")
        return found

    async def requests(self, client: Client, query: Query) -> Sequence[Row]:
        """The requests that a client may see; that he saw them is noted."""
        async with self._database.unit_of_work() as uow:
            rows = await open311.page(uow.connection, query, client.source)
            looks = [
                {
                    "id": uow.ids.new(),
                    "at": uow.clock.now(),
                    "subject": client.name,
                    "action": "open311.read",
                    "target": row.id,
                }
                for row in rows
            ]
            await open311.note_shown(uow.connection, looks)
        return rows

    async def file(self, uow: UnitOfWork, client: Client, given: Mapping[str, str]) -> str:
        """Files an appeal and returns its `service_request_id`; raises `RefusedError`."""
        cells = georeport.cells_of(given)
        self.subject(str(cells["subject"]).strip())
        source = self._source(client)
        entry = self._store.current.entry("sources", source.id)
        pushed = await self._pushing.take(
            uow,
            self._spec(source),
            cells | {IDENTITY: uow.ids.new()},
            config_version=entry.version if entry is not None else 0,
        )
        if isinstance(pushed, Fault):
            name = _NAMED.get(pushed.field or "", pushed.field)
            raise RefusedError(400, f"{name}: {pushed.text}")
        record_id = pushed.settled.record_id
        beside = {name: str(storable(value)) for name, value in georeport.beside(given).items()}
        if beside:
            await open311.keep(uow.connection, record_id, beside)
        return record_id

    def _source(self, client: Client) -> SourceEntry:
        source_id = client.source or OWN_SOURCE
        configured = self._store.current.get("sources", source_id, SourceEntry)
        return configured or SourceEntry(id=source_id, kind="open311")

    def _spec(self, source: SourceEntry) -> FeedSpec:
        """GeoReport's fields have one meaning, whatever the source's files look like."""
        return replace(
            feed_spec(source, self._store.current),
            record="appeal",
            format="json",
            columns=tuple(Column(target=name, names=(name,)) for name in FIELDS),
            channel="portal",
        )
