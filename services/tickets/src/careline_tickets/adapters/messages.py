"""Messages of citizens over the HTTP API of surveys, which has the connections to their providers."""

from datetime import datetime
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field

from careline_tickets.ports import Message


class _Message(BaseModel):
    sender: str = Field(alias="from", repr=False)
    text: str = Field(repr=False)
    at: datetime
    meaning: str


class SurveyMessages:
    """`client` has the base URL of surveys and shows the service's token."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, message_id: str) -> Message | None:
        answer = await self._client.get(f"v1/messages/{quote(message_id, safe='')}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        answer.raise_for_status()
        found = _Message.model_validate_json(answer.content)
        return Message(
            sender=found.sender,
            text=found.text,
            at=found.at,
            asks_status=found.meaning == "status",
        )
