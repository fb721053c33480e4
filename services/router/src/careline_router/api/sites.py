"""Sites that work as one floor: seen, drained, taken down."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from careline_common.config.models import Id
from careline_common.http.auth import Principal
from careline_router.api.deps import Service, may
from careline_router.api.permissions import Action
from careline_router.api.schemas import Body
from careline_router.domain.words import SiteState
from careline_router.usecases.sites import Callers, SiteView

router = APIRouter(prefix="/v1/sites", tags=["floor"])


class SiteOrder(Body):
    state: SiteState
    callers: Callers = "keep"


@router.get("", dependencies=[Depends(may(Action.READ_QUEUES))])
async def sites(service: Service) -> dict[str, Any]:
    """Every site with its agents by state, how many talk or are offered a call there, and its PBXs with their calls."""
    return {"items": service.sites(), "next": None}


@router.put("/{site_id}")
async def set_site(
    site_id: Id,
    body: SiteOrder,
    caller: Annotated[Principal, Depends(may(Action.SET_SITES))],
    service: Service,
) -> SiteView:
    """`drained`: its agents finish what they have and get nothing new. `down`: they are logged out, their offers go on
    to others, and callers whom they talk to are first at their place again: this cuts talks, so drain a site whose
    phones work. `open`: who was drained is ready again, who was logged out logs in.

    With `callers: lost` of a site that is down its PBXs are gone as well: their calls end, outcome `lost`, and who
    waited is called back by a PBX elsewhere where the floor calls back who gives up."""
    return await service.set_site(caller.subject, site_id, body.state, body.callers)
