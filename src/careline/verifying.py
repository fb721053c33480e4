"""`careline tickets verify`: whether the journal is what its history says."""

import sys

from sqlalchemy.exc import SQLAlchemyError

from careline.databases import database_of
from careline.datadir import CannotError, DataDir
from careline_common.clock import SystemClock
from careline_common.db.engine import Database
from careline_common.db.migrate import MigrationsPendingError, require_current
from careline_common.ids import UuidIds
from careline_tickets.db.verify import ChainReport, verify_chain

MOST_SHOWN = 20


async def verify(data: DataDir, *, noted: str | None = None) -> None:
    """Checks the database of CARELINE_DATABASE_URL, else that of the standalone over `data`; `noted` is the hash of
    a seal that must be there."""
    async with database_of(data) as url:
        report = await _checked(url)
    for one in report.breaks[:MOST_SHOWN]:
        sys.stdout.write(f"appeal {one.ticket_id}, change {one.version}: {one.reason}\n")
    for number in report.broken_seals[:MOST_SHOWN]:
        sys.stdout.write(f"seal {number}: what it covers is not what was there\n")
    if not report.holds:
        places = len(report.breaks) + len(report.broken_seals)
        raise CannotError(
            f"the chain is broken in {places} places of {report.appeals} appeals;"
            " compare with a backup"
        )
    if noted is not None and noted.strip().lower() not in report.seal_hashes:
        raise CannotError(
            "the noted seal is not there: the history from before it was taken out or made anew;"
            " compare with a backup"
        )
    sys.stdout.write(
        f"the chain holds: {report.appeals} appeals, {report.entries} changes, {report.seals} seals\n"
    )
    if report.last_seal is not None:
        sys.stdout.write(f"note outside of the database, seal {report.last_seal}\n")


async def _checked(url: str) -> ChainReport:
    database = Database(
        url, schema="tickets", source="tickets", clock=SystemClock(), ids=UuidIds(), pool_size=2
    )
    try:
        await require_current(url, package="careline_tickets", schema="tickets")
        return await verify_chain(database)
    except (MigrationsPendingError, SQLAlchemyError, OSError) as error:
        raise CannotError(f"cannot read the journal: {error}") from error
    finally:
        await database.close()
