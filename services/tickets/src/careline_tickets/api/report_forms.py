"""What the reports of periods have in common: who may read them, their period, their forms."""

from typing import Annotated, Any, Literal

from fastapi import Query, Request

from careline_common.http.problem import Forbidden, invalid
from careline_common.http.sheets import DOCUMENTED
from careline_tickets.api.office import Office
from careline_tickets.departments import Department
from careline_tickets.domain.periods import Length, Period
from careline_tickets.domain.sight import Viewer

Language = Literal["ru", "en", "fa", "zh"]
Named = Annotated[str | None, Query(max_length=100)]
FORMS: dict[int | str, dict[str, Any]] = {
    200: {"content": {**DOCUMENTED[200]["content"], "text/html": {}}},
}
"""A page to print besides the sheets."""
PAGE_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


def allow(viewer: Viewer) -> None:
    """Raises 403 unless the viewer reads the facts of all appeals."""
    if not viewer.reads_facts:
        raise Forbidden("this takes a role that reads the facts of all appeals")


def period_of(office: Office, length: Length, name: str, text: str | None) -> Period:
    """The period that is asked for, else the last whole one; raises 422."""
    if text is None:
        return Period.of(length, office.surges.today()).before
    try:
        period = Period.parse(length, text)
        period.before.bounds(office.rules.zone)
        period.bounds(office.rules.zone)
    except (ValueError, OverflowError):
        example = "2026-W09" if length is Length.WEEK else "2026-03"
        raise invalid(name, f"give a {length} such as {example}") from None
    return period


def department_of(office: Office, name: str | None) -> Department | None:
    """The department of this id; raises 422 when there is none."""
    if name is None:
        return None
    department = office.rules.departments.get(name)
    if department is None:
        raise invalid("department", "there is no such department in the configuration")
    return department


def wants_page(request: Request) -> bool:
    """Whether `Accept` names the page first."""
    first = request.headers.get("accept", "").split(",")[0]
    return first.split(";")[0].strip().lower() == "text/html"
