"""The emergency switch."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from careline_common.http.auth import Principal
from careline_router.api.deps import Service, may
from careline_router.api.permissions import Action
from careline_router.api.schemas import EmergencyOrder
from careline_router.emergency import EmergencySwitch

router = APIRouter(prefix="/v1/emergency", tags=["floor"])


class EmergencyView(BaseModel):
    """How the switch stands; `by` and `at` are null when it was never thrown."""

    on: bool
    announcement: str | None
    by: str | None
    at: datetime | None


@router.get("", dependencies=[Depends(may(Action.READ_QUEUES))])
async def emergency(service: Service) -> EmergencyView:
    """Whether callers are put through, or told that they cannot be."""
    return _view(service.emergency())


@router.put("")
async def switch_emergency(
    body: EmergencyOrder,
    caller: Annotated[Principal, Depends(may(Action.SWITCH_EMERGENCY))],
    service: Service,
) -> EmergencyView:
    """Callers of all lines hear `announcement`, or what their line says of an emergency, and are hung up,
    unless a rule of the flow is for it (`calendar.state == 'emergency'`). Who waits goes on waiting."""
    thrown = await service.switch_emergency(
        caller.subject, on=body.on, announcement=body.announcement
    )
    return _view(thrown)


def _view(switch: EmergencySwitch) -> EmergencyView:
    return EmergencyView(on=switch.on, announcement=switch.announcement, by=switch.by, at=switch.at)
