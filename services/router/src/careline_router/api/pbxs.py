"""PBXs as supervisors see them: which answer."""

from typing import Any

from fastapi import APIRouter, Depends

from careline_router.api.deps import Service, may
from careline_router.api.permissions import Action

router = APIRouter(prefix="/v1/pbxs", tags=["floor"])


@router.get("", dependencies=[Depends(may(Action.READ_QUEUES))])
async def pbxs(service: Service) -> dict[str, Any]:
    """Every PBX: its site, `up` or `down` and since when it has been down (null: it is not watched), and its calls under way."""
    return {"items": service.pbxs(), "next": None}
