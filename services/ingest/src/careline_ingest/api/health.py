"""The page of a source's health: as JSON, and as HTML for whoever looks with a browser."""

from collections.abc import Mapping
from datetime import date, datetime
from html import escape
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from careline_ingest.api.access import Service, Watcher, check_insurer
from careline_ingest.domain.volume import Verdict
from careline_ingest.volumes import Health, Volumes

router = APIRouter(prefix="/v1/sources", tags=["sources"])


async def _volumes(request: Request) -> Volumes:
    volumes: Volumes = request.app.state.volumes
    return volumes


ADVICE: Mapping[str, str] = {
    "late": "no new file has come for late_after_s: ask the partner",
    "missing": "what should have come has not: ask the partner",
    "short": "fewer rows came than are usual: ask the partner whether the file was whole",
    "doubled": "more rows came than are usual: a file under new numbers, or a surge",
    "drifting": "two weeks together are off: if that is how it is now, set expected",
    "stopped": "another server than the trusted one answers, and nothing is fetched: ask the partner, by"
    " another way than this connection, what he has changed; then configure his new host_key or ca, or"
    " POST /v1/sources/{id}/resume where the old one is back",
    "paused": "somebody has paused it: POST /v1/sources/{id}/resume",
    "failing": "the last fetches went wrong, as the last error says; it is tried again by itself",
    "refused": "the partner refuses news: see /v1/sources/{id}/ledger?state=refused, put it right with him,"
    " then POST /v1/sources/{id}/ledger/retry",
}
"""By problem, what it means and what to do."""


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
        description="late, missing, short, doubled, drifting; stopped, paused, failing, refused"
    )
    advice: dict[str, str] = Field(description="by problem, what it means and what to do")
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
            advice={name: ADVICE[name].format(id=health.source.id) for name in health.problems},
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
    shown = view.model_dump(mode="json", exclude={"days", "problems", "advice", "healthy", "id"})
    facts = "".join(
        f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{_cell(value)}</td></tr>"
        for name, value in shown.items()
    )
    most = max([day.rows for day in view.days] + [1])
    rows = "".join(_row(day, most) for day in view.days)
    advice = "".join(f"<li><b>{name}</b>: {escape(text)}" for name, text in view.advice.items())
    state = "healthy" if view.healthy else ", ".join(view.problems)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(view.id)}</title>"
        f"<style>{_STYLE}</style><h1>{escape(view.id)}</h1>"
        f"<p class={'good' if view.healthy else 'bad'}>{escape(state)}</p>"
        f"<ul>{advice}</ul><table>{facts}</table><h2>By day</h2><table><tr><th>day<th>files<th>rows<th>expected<th>"
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
