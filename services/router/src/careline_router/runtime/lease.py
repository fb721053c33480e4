"""Who leads the floor: a row with an epoch, which every commit checks.

The leader also holds a session's advisory lock: when its process dies, the lock is free at once and
nobody has to wait for the lease to run out. A leader that is only stopped keeps the lock, and is
deposed when its lease has run out; its next commit finds another epoch and fails. Stopped in the middle of a
transaction it would keep the lease's row locked: who takes over has the server end such sessions.

What a commit has brought about goes out only while this process is sure of its lease by its own clock,
counted from before it last asked for more time. Stopped between commit and effect, it asks again first.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.clock import Clock
from careline_common.db.engine import session_name

TTL_S = 3.0
RENEW_S = 1.0
STEP_BACK_S = 2 * RENEW_S
"""A deposed leader asks again only after this: the new one has the lock by then."""
POLL_S = 0.3
MARGIN_S = 1.0
"""So long before its lease runs out a process is not sure of it any more: what it does takes time."""
TAKE_S = 1.0
"""So long a process waits for the lease's row; then it looks on and tries again."""
STUCK_S = 1.0
"""A transaction whose process says nothing for so long, with its lease run out, is that of one that stands still."""

_IS_FREE = """
    SELECT NOT EXISTS (
        SELECT FROM floor_lease WHERE floor = $1 AND expires_at >= clock_timestamp()
    )"""
_END_STUCK = """
    SELECT pg_terminate_backend(session.pid)
    FROM floor_lease AS lease, pg_stat_activity AS session
    WHERE lease.floor = $1 AND lease.expires_at < clock_timestamp()
        AND session.datname = current_database() AND session.application_name = $2
        AND session.xact_start IS NOT NULL AND session.wait_event = 'ClientRead'
        AND session.state_change < clock_timestamp() - make_interval(secs => $3)"""
_TAKE = """
    INSERT INTO floor_lease AS lease (floor, epoch, holder, expires_at, address, address_epoch)
    VALUES ($1, 1, $2, clock_timestamp() + make_interval(secs => $3), $5, 1)
    ON CONFLICT (floor) DO UPDATE
    SET epoch = lease.epoch + 1, holder = excluded.holder, expires_at = excluded.expires_at,
        address = excluded.address, address_epoch = lease.epoch + 1
    WHERE $4 OR lease.expires_at < clock_timestamp()
    RETURNING epoch"""
_LEADER = """
    SELECT address FROM floor_lease
    WHERE floor = $1 AND expires_at >= clock_timestamp()
        AND address_epoch = epoch AND address IS DISTINCT FROM $2"""
_RENEW = """
    UPDATE floor_lease SET expires_at = clock_timestamp() + make_interval(secs => $3)
    WHERE floor = $1 AND epoch = $2"""
_RELEASE = "UPDATE floor_lease SET expires_at = '-infinity' WHERE floor = $1 AND epoch = $2"
_HOLDS = text("SELECT 1 FROM floor_lease WHERE floor = :floor AND epoch = :epoch FOR SHARE")


class DeposedError(Exception):
    """Another process leads this floor now."""


class FloorLease:
    """The right to change one floor. `holder` is a name for people (host and process), `address`
    the base URL at which others reach this process, if they can."""

    def __init__(
        self,
        url: str,
        *,
        schema: str,
        floor: str,
        holder: str,
        clock: Clock,
        address: str | None = None,
    ) -> None:
        self._url = url
        self._clock = clock
        self._schema = schema
        self._floor = floor
        self._holder = holder
        self._address = address
        self._epoch: int | None = None
        self._session: asyncpg.Connection | None = None
        self._locked = False
        self._sure_until = 0.0
        self._turn = asyncio.Lock()
        """The session takes one question at a time."""

    async def acquire(self, see: Callable[[str | None], None], *, wanted: bool = True) -> None:
        """Waits until this process leads the floor; only looks on, and for ever, unless `wanted`.

        `see` is told again and again where the leader is reached; None while nobody who tells leads.
        """
        await self.release()
        self._session = await asyncpg.connect(
            self._url,
            timeout=5,
            command_timeout=TTL_S,
            server_settings={"search_path": f"{self._schema},public"},
        )
        self._locked = False
        while self._epoch is None:
            if wanted:
                await self._try_to_take(self._session)
            if self._epoch is None:
                see(await self._session.fetchval(_LEADER, self._floor, self._address))
                await asyncio.sleep(POLL_S)

    async def _try_to_take(self, session: asyncpg.Connection) -> None:
        """Asks for the row only when it may be had: to try an upsert locks it, and the leader's commits wait."""
        await self._try_lock(session)
        if not (self._locked or await session.fetchval(_IS_FREE, self._floor)):
            return
        await session.execute(_END_STUCK, self._floor, session_name(self._schema), STUCK_S)
        asked_at = self._clock.monotonic()
        with suppress(TimeoutError):
            self._epoch = await session.fetchval(
                _TAKE,
                self._floor,
                self._holder,
                TTL_S,
                self._locked,
                self._address,
                timeout=TAKE_S,
            )
        self._sure_until = asked_at + TTL_S - MARGIN_S

    async def _try_lock(self, session: asyncpg.Connection) -> None:
        if not self._locked:
            key = f"careline-floor:{self._schema}:{self._floor}"
            self._locked = await session.fetchval(
                "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", key
            )

    async def keep(self) -> None:
        """Renews once a second; raises `DeposedError` when another process has taken over.

        Who took over from a stopped leader gets the lock as soon as that one lets go of it.
        """
        while True:
            await self._renew()
            await asyncio.sleep(RENEW_S)

    def holds(self) -> bool:
        """Whether nobody else can lead now, by this process's own clock."""
        return self._epoch is not None and self._clock.monotonic() < self._sure_until

    async def make_sure(self) -> None:
        """Returns while nobody else can lead; raises `DeposedError` when another process does."""
        while not self.holds():
            await self._renew()

    async def _renew(self) -> None:
        async with self._turn:
            session, epoch = self._session, self._epoch
            if session is None or epoch is None:
                raise DeposedError(self._floor)
            await self._try_lock(session)
            asked_at = self._clock.monotonic()
            if await session.execute(_RENEW, self._floor, epoch, TTL_S) != "UPDATE 1":
                self._epoch = None
                raise DeposedError(self._floor)
            self._sure_until = asked_at + TTL_S - MARGIN_S

    async def check(self, connection: AsyncConnection) -> None:
        """Begins a commit: raises `DeposedError` unless this process leads, until it is committed."""
        found = await connection.execute(_HOLDS, {"floor": self._floor, "epoch": self._epoch})
        if found.one_or_none() is None:
            self._epoch = None
            raise DeposedError(self._floor)

    async def release(self) -> None:
        """Lets the next one lead at once."""
        session, epoch = self._session, self._epoch
        self._session, self._epoch, self._sure_until = None, None, 0.0
        if session is None:
            return
        try:
            if epoch is not None and not session.is_closed():
                await session.execute(_RELEASE, self._floor, epoch, timeout=1)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            pass  # the lease runs out by itself
        finally:
            session.terminate()
