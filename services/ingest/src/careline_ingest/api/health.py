"""The page of a source's health: as JSON, and as HTML for whoever looks with a browser."""

from datetime import date, datetime
from html import escape
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from careline_ingest.api.access import Service, Watcher, check_insurer
from careline_ingest.domain.volume import Verdict
from careline_ingest.volumes import Health, Volumes

router = APIRouter(prefix="/v1/sources", tags=["sources"])


def _volumes(request: Request) -> Volumes:
    volumes: Volumes = request.app.state.volumes
    return volumes


class DayView(BaseModel):
    date: date
    files: int
    rows: int = Field(description="that were news")
    expected: float | None
    problems: list[str]

    @classmethod
    def of(cls, verdict: Verdict) -> Self:
        return cls(
            date=verdict.day.date,
            files=verdict.day.files,
            rows=verdict.day.rows,
            expected=verdict.expected,
            problems=sorted(verdict.problems),
        )


class HealthView(BaseModel):
    id: str
    kind: str
    healthy: bool
    problems: list[str] = Field(
        description="missing, short, doubled, drifting; stopped, paused, failing, refused"
    )
    last_new_at: datetime | None = Field(description="when the last new file came")
    last_failed_at: datetime | None
    last_error: str | None
    good_at: datetime | None = Field(description="when it was last fetched without an error")
    next_at: datetime | None = Field(description="when it is fetched next")
    failures: int | None = Field(description="in a row")
    stopped: str | None = Field(description="why nothing is fetched until somebody resumes it")
    reading: int = Field(description="files that are being read")
    quarantined: int = Field(description="rows that wait to be put right")
    answers_failing: int
    notices_pending: int
    notices_refused: int
    days: list[DayView] = Field(description="newest first, in the source's zone")

    @classmethod
    def of(cls, health: Health) -> Self:
        facts = {name: value for name, value in health.facts.items() if name in cls.model_fields}
        return cls(
            id=health.source.id,
            kind=health.source.kind,
            healthy=not health.problems,
            problems=list(health.problems),
            days=[DayView.of(day) for day in health.days],
            **facts,
        )


@router.get(
    "/{source_id}/health",
    response_model=HealthView,
    responses={200: {"content": {"text/html": {}}}},
    summary="How a source is: what it brings against what it should, what waits, what went wrong",
)
async def get_health(
    source_id: str,
    *,
    request: Request,
    caller: Watcher,
    service: Service,
    volumes: Annotated[Volumes, Depends(_volumes)],
) -> Response:
    source = service.source(source_id)
    check_insurer(caller, source.insurer, "source")
    view = HealthView.of(await volumes.health(source))
    if "text/html" in request.headers.get("accept", ""):
        return Response(_page(view), media_type="text/html; charset=utf-8")
    return Response(view.model_dump_json(), media_type="application/json")


_STYLE = (
    "body{font:15px system-ui;margin:2rem;max-width:60rem}table{border-collapse:collapse}"
    "td,th{padding:.2rem .8rem;text-align:left;border-bottom:1px solid #ddd}"
    ".bad{color:#a00;font-weight:600}i{display:inline-block;background:#68a;height:.8em}"
)


def _page(view: HealthView) -> str:
    shown = view.model_dump(mode="json", exclude={"days", "problems", "healthy", "id"})
    facts = "".join(
        f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{_cell(value)}</td></tr>"
        for name, value in shown.items()
    )
    most = max([day.rows for day in view.days] + [1])
    rows = "".join(_row(day, most) for day in view.days)
    state = "healthy" if view.healthy else ", ".join(view.problems)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(view.id)}</title>"
        f"<style>{_STYLE}</style><h1>{escape(view.id)}</h1>"
        f"<p class={'good' if view.healthy else 'bad'}>{escape(state)}</p>"
        f"<table>{facts}</table><h2>By day</h2><table><tr><th>day<th>files<th>rows<th>expected<th>"
        f"<th>{rows}</table></html>"
    )


def _row(day: DayView, most: int) -> str:
    bar = f"<i style='width:{day.rows * 12 / most:.2f}rem'></i>"
    problems = escape(", ".join(day.problems))
    return (
        f"<tr><td>{day.date}<td>{day.files}<td>{day.rows}<td>{_cell(day.expected)}<td>{bar}"
        f"<td class=bad>{problems}</tr>"
    )


def _cell(value: object) -> str:
    return "-" if value is None else escape(str(value))
