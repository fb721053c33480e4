"""Messages of patients that answer no survey: what the journal makes an appeal of."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from careline_common.http.problem import NotFound
from careline_surveys.api.access import Db, Inviter
from careline_surveys.db import audit, inbound

router = APIRouter(prefix="/v1/messages", tags=["messages"])


class MessageView(BaseModel):
    """Who wrote what, and when."""

    id: str
    sender: str = Field(serialization_alias="from", repr=False)
    text: str = Field(repr=False)
    at: datetime
    meaning: str


@router.get("/{message_id}", summary="One message, as long as its sender is not erased")
async def read_message(message_id: str, caller: Inviter, database: Db) -> MessageView:
    """Audited."""
    async with database.unit_of_work() as uow:
        found = await inbound.heard(uow.connection, message_id)
        if found is None:
            raise NotFound("there is no such message, or its sender is erased")
        await audit.note(uow, caller, "message", message_id)
    return MessageView(
        id=message_id, sender=found.sender, text=found.text, at=found.at, meaning=found.meaning
    )
