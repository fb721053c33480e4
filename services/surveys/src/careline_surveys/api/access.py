"""Who may do what in surveys, and how routes get at what they need."""

from typing import Annotated

from fastapi import Depends, Request

from careline_common.config import ConfigStore
from careline_common.db.engine import Database
from careline_common.http.auth import Principal, require
from careline_common.http.signed import SignedCallbacks
from careline_surveys.service import SurveysService

SCORE_READERS = (
    "admin", "supervisor", "floor", "quality", "auditor", "contact_admin", "service",
)  # fmt: skip

Admin = Annotated[Principal, Depends(require("admin"))]
Inviter = Annotated[Principal, Depends(require("service", "admin"))]
"""May have a patient asked, and read what he answered."""
Reader = Annotated[
    Principal, Depends(require("service", "admin", "quality", "contact_admin", "floor"))
]
ScoreReader = Annotated[Principal, Depends(require(*SCORE_READERS))]
OptOutKeeper = Annotated[Principal, Depends(require("admin", "contact_admin", "service", "agent"))]
"""May note that a patient wants no more surveys: whoever he tells it to."""


async def _service(request: Request) -> SurveysService:
    service: SurveysService = request.app.state.surveys
    return service


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _store(request: Request) -> ConfigStore:
    store: ConfigStore = request.app.state.config_store
    return store


async def _callbacks(request: Request) -> SignedCallbacks:
    callbacks: SignedCallbacks = request.app.state.callbacks
    return callbacks


Surveys = Annotated[SurveysService, Depends(_service)]
Db = Annotated[Database, Depends(_database)]
Store = Annotated[ConfigStore, Depends(_store)]
Callbacks = Annotated[SignedCallbacks, Depends(_callbacks)]
