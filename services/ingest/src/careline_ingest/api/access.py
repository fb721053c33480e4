"""Who may do what in ingest, and how routes get at what they need."""

from typing import Annotated

from fastapi import Depends, Request

from careline_common.db.engine import Database
from careline_common.http.auth import Principal, require
from careline_common.http.problem import NotFound
from careline_ingest.db.runs import Run
from careline_ingest.pushing import Pushing
from careline_ingest.replays import Replays
from careline_ingest.service import IngestService
from careline_ingest.turns import Turns

Watcher = Annotated[
    Principal,
    Depends(require("admin", "contact_admin", "floor", "auditor", "service", "insurer")),
]
"""May read runs and what was wrong with them; an insurer, of his own sources."""
Sender = Annotated[Principal, Depends(require("admin", "contact_admin", "service", "insurer"))]
"""May send files; an insurer, to his own sources."""
Keeper = Annotated[Principal, Depends(require("admin", "contact_admin", "service"))]
"""May start runs and take rows out of quarantine."""
RecordReader = Annotated[Principal, Depends(require("admin", "service"))]
"""May read what patients have said."""

SOURCE_READERS = ("admin", "contact_admin", "floor", "auditor", "service")


def own_insurer(caller: Principal) -> str | None:
    """The insurer whose things alone the caller sees; None: he sees all."""
    if caller.has("admin", "contact_admin", "floor", "auditor", "service"):
        return None
    return caller.insurer or ""


def check_insurer(caller: Principal, insurer: object, what: str) -> None:
    """Raises 404 for what belongs to another insurer: he is not to know that it exists."""
    mine = own_insurer(caller)
    if mine is not None and mine != insurer:
        raise NotFound(f"there is no such {what}")


def visible_run(caller: Principal, run: Run | None) -> Run:
    if run is None:
        raise NotFound("there is no such run")
    check_insurer(caller, run.spec.get("insurer"), "run")
    return run


async def _service(request: Request) -> IngestService:
    service: IngestService = request.app.state.ingest
    return service


async def _replays(request: Request) -> Replays:
    replays: Replays = request.app.state.replays
    return replays


async def _pushing(request: Request) -> Pushing:
    pushing: Pushing = request.app.state.pushing
    return pushing


async def _turns(request: Request) -> Turns:
    turns: Turns = request.app.state.turns
    return turns


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


Service = Annotated[IngestService, Depends(_service)]
Fetcher = Annotated[Turns, Depends(_turns)]
Pusher = Annotated[Pushing, Depends(_pushing)]
Replayer = Annotated[Replays, Depends(_replays)]
Db = Annotated[Database, Depends(_database)]
