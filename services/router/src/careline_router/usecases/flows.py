"""Flows from a draft to calls: checked, tried, published, taken back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.clock import Clock
from careline_common.config.entries import ConfigInvalidError, Entry
from careline_common.config.marked import Marks, located
from careline_common.config.store import ConfigStore
from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.etag import Match
from careline_common.http.problem import (
    Conflict,
    FieldError,
    Forbidden,
    InvalidInput,
    NotFound,
    PreconditionFailed,
)
from careline_router import receipts
from careline_router.config import Flow
from careline_router.db import flows as kept
from careline_router.floor_config import FloorEntry
from careline_router.ports import Receipt

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A draft as it was kept. `based_on` is the version in force then; 0 when there was none."""

    number: int
    based_on: int
    by: str
    at: datetime
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version that is or was in force; `how` it came: apply, publish or rollback."""

    version: int
    how: str
    draft: int | None
    restores: int | None
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowState:
    """A flow as it stands: the version in force (0 when none is), the last draft, how it came to be."""

    id: str
    version: int
    document: Mapping[str, Any] | None
    draft: Draft | None
    history: tuple[Version, ...]

    @property
    def pending(self) -> bool:
        """Whether the last draft may still come into force as it is."""
        draft = self.draft
        return (
            draft is not None
            and draft.based_on == self.version
            and all(each.draft != draft.number for each in self.history)
        )

    @property
    def revision(self) -> int:
        """Greater after every draft and every version: the ETag."""
        return self.version + (0 if self.draft is None else self.draft.number)


class FlowOffice:
    """The use cases of flows. What is in force stands in the configuration, as `careline apply` has it."""

    def __init__(self, *, store: ConfigStore, database: Database, clock: Clock) -> None:
        self._store = store
        self._database = database
        self._clock = clock
        store.on_written(kept.keep_versions)

    async def add_draft(
        self,
        raw: Mapping[str, Any],
        *,
        by: str,
        marks: Marks | None = None,
        receipt: Receipt | None = None,
    ) -> FlowState:
        """Checks a flow and keeps it as the next draft; 422 with all faults, and then nothing is kept.

        With `marks` it came as text: unknown keys are faults, and each fault has line and column.
        """
        flow = self._checked(raw, marks)
        document = flow.model_dump(mode="json", exclude_defaults=True)
        async with self._database.unit_of_work() as uow:
            await receipts.claim(uow, receipt)
            await kept.lock(uow.connection, flow.id)
            await kept.add_draft(
                uow.connection,
                flow.id,
                document=document,
                based_on=self._version(flow.id),
                by=by,
                at=self._clock.now(),
            )
            state = await self._state_on(uow.connection, flow.id)
            await receipts.keep(uow, receipt, state)
        log.info("flow.drafted", flow=flow.id, by=by)
        return state

    def _checked(self, raw: Mapping[str, Any], marks: Marks | None) -> Flow:
        if not isinstance(raw.get("id"), str):
            raise _faulty([{"path": "id", "reason": "required: a text"}], marks)
        section = self._store.sections["flows"]
        try:
            value = self._store.check_entry(
                "flows", raw if marks is not None else section.kept(raw), strict=marks is not None
            )
        except ConfigInvalidError as error:
            raise _faulty(error.errors, marks) from error
        assert isinstance(value, Flow)
        return value

    def _version(self, flow_id: str) -> int:
        entry = self._store.current.entry("flows", flow_id)
        return 0 if entry is None else entry.version

    async def state(self, flow_id: str) -> FlowState:
        """404 for a flow that is neither in force nor drafted."""
        async with self._database.read() as connection:
            return await self._state_on(connection, flow_id)

    async def _state_on(
        self, connection: AsyncConnection, flow_id: str, put: Flow | None = None
    ) -> FlowState:
        """`put` is what this connection is just putting into force."""
        draft = await kept.draft(connection, flow_id, None)
        history = await kept.versions(connection, flow_id)
        entry = self._store.current.entry("flows", flow_id)
        if entry is None and draft is None:
            raise NotFound(f"there is no flow {flow_id!r}", type="unknown-flow")
        in_force = put if put is not None or entry is None else entry.value
        return FlowState(
            id=flow_id,
            version=self._version(flow_id) if put is None else history[0].version,
            document=None if in_force is None else in_force.model_dump(mode="json"),
            draft=None if draft is None else _draft(draft),
            history=tuple(_version(row) for row in history),
        )

    def in_force(self) -> list[Entry]:
        """The flows in force, with their versions."""
        return self._store.current.entries("flows")

    async def flow(self, flow_id: str, number: int | None = None) -> tuple[Flow, int | None, int]:
        """A flow to be tried, with the number of its draft and its version: the draft of this number, the
        last draft that is not in force yet, else what is in force."""
        state = await self.state(flow_id)
        draft = state.draft
        if number is not None:
            draft = await self._draft(flow_id, number)
        elif not state.pending:
            draft = None
        if draft is None:
            value = self._store.current.get("flows", flow_id, Flow)
            assert value is not None
            return value, None, state.version
        return self._checked(draft.document, None), draft.number, state.version

    async def _draft(self, flow_id: str, number: int | None) -> Draft:
        async with self._database.read() as connection:
            found = await kept.draft(connection, flow_id, number)
        if found is None:
            raise NotFound("there is no such draft of this flow", type="unknown-draft")
        return _draft(found)

    async def publish(
        self,
        flow_id: str,
        *,
        by: str,
        number: int | None = None,
        match: Match | None = None,
        receipt: Receipt | None = None,
    ) -> FlowState:
        """Puts a draft (the last, or of this number) into force for the calls that come from now on.

        409 `nothing-to-publish` when it is in force already, 409 `flow-moved-on` when another version
        came into force after it was drafted, 403 `second-person-needed` when the floor has
        `flows_by_two` and its author asks.
        """
        await receipts.look(self._database, receipt)
        state = await self.state(flow_id)
        if match is not None:
            match.check(state.revision)
        draft = state.draft if number is None else await self._draft(flow_id, number)
        if draft is None or any(draft.number == each.draft for each in state.history):
            raise Conflict("there is no draft that is not in force yet", type="nothing-to-publish")
        rules = self._store.current.get("floor", "floor", FloorEntry)
        if rules is not None and rules.flows_by_two and draft.by == by:
            raise Forbidden(
                "who has drafted a flow does not publish it here: ask somebody else",
                type="second-person-needed",
            )
        if draft.based_on != state.version:
            raise Conflict(
                f"drafted when version {draft.based_on} was in force, and now {state.version} is:"
                " look at it and draft it again",
                type="flow-moved-on",
            )
        note = {"how": "publish", "draft": draft.number}
        return await self._put(flow_id, draft.document, state.version, note, by=by, receipt=receipt)

    async def roll_back(
        self,
        flow_id: str,
        *,
        by: str,
        to: int | None = None,
        match: Match | None = None,
        receipt: Receipt | None = None,
    ) -> FlowState:
        """Puts an earlier version into force again, as a new one: `to`, or the one before the present one.

        Called again it goes one further back. 409 `nothing-earlier` when there is none.
        """
        await receipts.look(self._database, receipt)
        state = await self.state(flow_id)
        if match is not None:
            match.check(state.revision)
        wanted = _before(state) if to is None else to
        async with self._database.read() as connection:
            found = None if wanted is None else await kept.version(connection, flow_id, wanted)
        if found is None and to is not None:
            raise NotFound(f"there is no version {to} of this flow", type="unknown-version")
        if found is None:
            raise Conflict("there is no earlier version of this flow", type="nothing-earlier")
        note = {"how": "rollback", "restores": found.version}
        return await self._put(flow_id, found.document, state.version, note, by=by, receipt=receipt)

    async def _put(
        self,
        flow_id: str,
        document: Mapping[str, Any],
        version: int,
        note: Mapping[str, Any],
        *,
        by: str,
        receipt: Receipt | None,
    ) -> FlowState:
        """Into the configuration, if it still has the version that was looked at (else 412)."""
        put = self._checked(document, None)
        after: list[FlowState] = []

        async def answer(uow: UnitOfWork) -> None:
            state = await self._state_on(uow.connection, flow_id, put)
            if state.version == version and note["how"] == "publish":
                raise Conflict("the draft says what is in force already", type="nothing-to-publish")
            await receipts.keep(uow, receipt, state)
            after.append(state)

        match = Match(frozenset({version})) if version else None
        try:
            await self._store.put(
                "flows", flow_id, document, match, by=by, note=note, within=answer
            )
        except ConfigInvalidError as error:
            raise _faulty(error.errors, None) from error
        except PreconditionFailed:
            await receipts.look(self._database, receipt)  # by the same request, just now
            raise
        log.info("flow.in_force", flow=flow_id, by=by, **note)
        return after[0]


def _before(state: FlowState) -> int | None:
    """The version to go back to: before the one in force, or before the one that this restored."""
    for each in state.history:
        if each.version == state.version:
            present = each.restores or each.version
            earlier = [one.version for one in state.history if one.version < present]
            return max((one for one in earlier if _restored(state, one) is None), default=None)
    return None


def _restored(state: FlowState, version: int) -> int | None:
    return next(each.restores for each in state.history if each.version == version)


def _draft(row: Any) -> Draft:
    return Draft(
        number=row.number, based_on=row.based_on, by=row.by, at=row.at, document=row.document
    )


def _version(row: Any) -> Version:
    return Version(
        version=row.version,
        how=row.how,
        draft=row.draft,
        restores=row.restores,
        by=row.by,
        at=row.at,
    )


def _faulty(errors: list[FieldError], marks: Marks | None) -> InvalidInput:
    """All faults as a problem; with `marks` each has its place in the text."""
    first, where = errors[0], ""
    if marks is not None:
        for fault in errors:
            fault["line"], fault["column"] = located(marks, fault["path"])
        where = f" (line {first['line']}, column {first['column']})"
    return InvalidInput(f"{first['path'] or 'flow'}{where}: {first['reason']}", errors=errors)
