"""The queues, live."""

from fastapi import APIRouter, Depends

from careline_common.http.paging import Page, Paging
from careline_router.api.deps import Service, may
from careline_router.api.permissions import Action
from careline_router.views import QueueView

router = APIRouter(prefix="/v1/queues", tags=["floor"])


@router.get("", dependencies=[Depends(may(Action.READ_QUEUES))])
async def live_queues(service: Service, page: Paging) -> Page[QueueView]:
    """Every queue: who waits, who works, and the figures since midnight UTC."""
    return page.by_id(await service.queries.queues(), show=lambda queue: queue)
