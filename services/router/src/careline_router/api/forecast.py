"""What is coming: calls and the staff that they take, by the half hour."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from careline_common.http.sheets import DOCUMENTED, sheet
from careline_router.api.deps import Service, viewer_who
from careline_router.api.permissions import Action
from careline_router.domain.forecast import INTERVAL_PCT
from careline_router.forecasts import IN_TARGET_PCT, LOST_PCT, HalfHour, QueueFacts
from careline_router.views import Viewer

router = APIRouter(prefix="/v1", tags=["forecast"])

LONGEST_DAYS = 28


class HalfHourOut(BaseModel):
    """The calls that a queue is expected to be offered in the half hour from `from` on; they lie from
    `low` to `high` nine times of ten. `staff` agents on the phone reach the goal with the expected
    calls, `staff_high` with `high`. All null for a queue with too little history."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    from_: datetime = Field(alias="from")
    queue: str
    expected: float | None
    low: int | None
    high: int | None
    staff: int | None
    staff_high: int | None

    @classmethod
    def of(cls, half_hour: HalfHour) -> Self:
        fields = asdict(half_hour)
        return cls(from_=fields.pop("start"), **fields)


class QueueOut(BaseModel):
    """What a queue's forecast is made from: whole days and the calls in them, mean handle time, mean
    patience of who gives up, and its target. `note` says why nothing is foretold; else null."""

    queue: str
    days: int
    calls: int
    aht_s: float
    patience_s: float
    target_s: float
    note: str | None

    @classmethod
    def of(cls, facts: QueueFacts) -> Self:
        fields = asdict(facts)
        return cls(
            **{**fields, **{name: round(fields[name], 1) for name in ("aht_s", "patience_s")}}
        )


class ForecastAnswer(BaseModel):
    """`zone` is where weekdays and times of day are counted; the goal is in percent of all calls."""

    items: list[HalfHourOut]
    next: str | None = None
    queues: list[QueueOut]
    zone: str
    interval_pct: float = INTERVAL_PCT
    goal_in_target_pct: float = IN_TARGET_PCT
    goal_lost_pct: float = LOST_PCT


@router.get("/forecast", response_model=ForecastAnswer, responses=DOCUMENTED)
async def forecast(
    *,
    request: Request,
    _: Annotated[Viewer, Depends(viewer_who(Action.READ_FORECAST))],
    service: Service,
    days: Annotated[int, Query(ge=1, le=LONGEST_DAYS)] = 7,
) -> Response | ForecastAnswer:
    """Expected calls with their interval and the staff needed, by queue and half hour, for so many days
    from the next half hour on. CSV and XLSX of the half hours by `Accept`."""
    outlook = await service.forecasts.ahead(days)
    rows = [HalfHourOut.of(each) for each in outlook.half_hours]
    return sheet(request.headers.get("accept", ""), HalfHourOut, rows) or ForecastAnswer(
        items=rows,
        queues=[QueueOut.of(each) for each in outlook.queues],
        zone=outlook.zone,
    )
