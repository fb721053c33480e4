"""What the router is asked about callbacks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.engine import Database
from careline_common.http.problem import NotFound
from careline_router.db import reading_callbacks as reading
from careline_router.domain.states import Call
from careline_router.domain.words import CallbackState
from careline_router.runtime.codec import moment_or_none
from careline_router.runtime.floor_actor import FloorActor
from careline_router.views import CallbackView, Viewer


class CallbackQueries:
    """Reads what is committed, and of a callback that was tried in vain when it is tried again."""

    def __init__(self, *, database: Database, actor: FloorActor) -> None:
        self._database = database
        self._actor = actor

    async def all(
        self,
        viewer: Viewer,
        *,
        state: CallbackState | None = None,
        after: tuple[datetime, str] | None = None,
        limit: int = 50,
    ) -> list[CallbackView]:
        """Callbacks, newest first; up to `limit` + 1, so that the caller knows whether there are more."""
        async with self._database.read() as connection:
            rows = await reading.callbacks(connection, state=state, after=after, limit=limit + 1)
        return [self._view(row, viewer) for row in rows]

    async def one(self, call_id: str, viewer: Viewer) -> CallbackView:
        """404 `unknown-callback`."""
        async with self._database.read() as connection:
            return await self.one_on(connection, call_id, viewer)

    async def one_on(
        self, connection: AsyncConnection, call_id: str, viewer: Viewer
    ) -> CallbackView:
        """The same within a transaction that is under way."""
        row = await reading.one_callback(connection, call_id)
        if row is None:
            raise NotFound("there is no such callback", type="unknown-callback")
        return self._view(row, viewer)

    def _view(self, row: Row[*tuple[Any, ...]], viewer: Viewer) -> CallbackView:
        calls: Mapping[str, Call] = self._actor.floor.calls
        live = calls.get(row.call_id)
        not_before = row.not_before if live is None else moment_or_none(live.not_before)
        return CallbackView(
            id=row.call_id,
            state=reading.state_of(row),
            origin=row.origin,
            phone=row.phone if viewer.sees_caller(row.agent, row.team) else None,
            queue=row.queue,
            priority=row.priority,
            pbx=row.pbx,
            line=row.line,
            from_call=row.from_call,
            made_at=row.made_at,
            promise_due=row.promise_due,
            not_before=not_before,
            attempts=row.attempts,
            agent=row.agent,
            ended_at=row.ended_at,
        )
