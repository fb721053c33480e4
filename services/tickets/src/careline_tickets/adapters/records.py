"""Ingest's records over its HTTP API."""

from collections.abc import Collection
from typing import Any
from urllib.parse import quote

import httpx


class IngestRecords:
    """`client` has ingest's base URL and shows the service's token."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, record_id: str) -> dict[str, Any] | None:
        answer = await self._client.get(f"v1/records/{quote(record_id, safe='')}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        answer.raise_for_status()
        record: dict[str, Any] = answer.json()
        return record

    async def several(self, record_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        answer = await self._client.get("v1/records", params={"id": sorted(record_ids)})
        answer.raise_for_status()
        return {record["id"]: record for record in answer.json()["items"]}
