"""What PBXs fetch: commands, by long poll, each again every 5 s until it is done."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from careline_router.api.deps import Service, pbx_may
from careline_router.api.permissions import Action
from careline_router.api.schemas import CommandDone
from careline_router.config import LONGEST_POLL_S

router = APIRouter(tags=["PBX"])

Pbx = Annotated[str, Depends(pbx_may(Action.PBX_COMMANDS))]


@router.get("/v1/pbx/{pbx}/commands")
async def next_commands(
    pbx: Pbx,
    service: Service,
    wait: Annotated[float, Query(ge=0, description="seconds, at most 30")] = 0.0,
) -> dict[str, Any]:
    """The commands this PBX has to carry out now; waits for one up to `wait` seconds."""
    commands = await service.pbx.commands(pbx, wait_s=min(wait, LONGEST_POLL_S))
    service.signs.heard(pbx)  # it was here until now
    return {"items": [command.as_json() for command in commands]}


@router.post("/v1/pbx/{pbx}/commands/{command_id}/done")
async def command_done(
    pbx: Pbx, command_id: str, body: CommandDone, service: Service
) -> dict[str, Any]:
    """The PBX has carried a command out (`ok`), or could not. A repeat changes nothing."""
    await service.command_done(pbx, command_id, ok=body.ok, detail=body.model_extra or {})
    return {"id": command_id, "done": True}
