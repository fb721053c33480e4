"""Recordings that partners keep, as ingest knows of them."""

import httpx
from pydantic import BaseModel


class _Found(BaseModel):
    record_id: str


class IngestRecordings:
    """`client` has ingest's base URL and shows the service's token."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def of(self, source: str, external_id: str) -> str | None:
        wanted = {"source": source, "external_id": external_id}
        answer = await self._client.post("v1/recordings", json=wanted)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        answer.raise_for_status()
        return _Found.model_validate_json(answer.content).record_id
