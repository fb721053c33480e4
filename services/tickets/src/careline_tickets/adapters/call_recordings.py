"""Recordings of calls, as the router knows where they are."""

from urllib.parse import quote

import httpx
from pydantic import BaseModel


class _Recording(BaseModel):
    url: str | None = None


class _Call(BaseModel):
    recording: _Recording | None = None


class RouterRecordings:
    """`client` has the router's base URL and shows the service's token."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def of(self, call_id: str) -> str | None:
        answer = await self._client.get(f"v1/calls/{quote(call_id, safe='')}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        answer.raise_for_status()
        recording = _Call.model_validate_json(answer.content).recording
        return recording.url if recording is not None else None
