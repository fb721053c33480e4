"""What callers did by themselves: the way of one, and how many needed nobody."""

from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from careline_router.api.deps import Service, may
from careline_router.api.permissions import Action
from careline_router.api.report_deps import ReportPeriod
from careline_router.db.self_service import By, ContainmentRow

router = APIRouter(prefix="/v1", tags=["self-service"])


class ContainmentAnswer(BaseModel):
    items: list[ContainmentRow]
    next: str | None = None


@router.get("/calls/{call_id}/path", dependencies=[Depends(may(Action.READ_DECISIONS))])
async def way(call_id: str, service: Service) -> dict[str, list[dict[str, Any]]]:
    """Node by node, with the version of the flow, and what the caller did there: `entered`, the key of a menu,
    `digits` (which, is not kept here), `wrong` or `silence`."""
    return {"items": await service.way(call_id)}


@router.get("/reports/self-service", dependencies=[Depends(may(Action.READ_REPORTS))])
async def self_service_report(
    service: Service,
    period: ReportPeriod,
    by: By = "flow",
) -> ContainmentAnswer:
    """Of the calls that came to a self-service, how many ended there (`containment_pct`), and how the others
    went on. `from` is midnight UTC of `to` when not given, `to` is now and not included."""
    return ContainmentAnswer(items=await service.containment(by, *period))
