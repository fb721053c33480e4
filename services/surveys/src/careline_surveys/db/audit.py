"""Who looked at what patients said, and who had whom exported or erased."""

from sqlalchemy import insert

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.auth import Principal
from careline_surveys.db.tables import audit


async def note(uow: UnitOfWork, who: Principal, what: str, about: str | None = None) -> None:
    """Writes a row of the audit; `about` is the id of an invitation or a person, never a number."""
    await uow.connection.execute(
        insert(audit).values(
            at=uow.clock.now(), who=who.subject, roles=sorted(who.roles), what=what, about=about
        )
    )
