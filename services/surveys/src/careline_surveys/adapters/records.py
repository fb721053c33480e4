"""Records of ingest, fetched by id: events carry no numbers of patients who were not on the phone."""

from dataclasses import dataclass

import httpx
from pydantic import BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedRecord:
    """What of a record matters for asking: whom, and where it was."""

    phone: str | None
    organisation: str | None
    insurer: str | None = None


class _Record(BaseModel):
    insurer: str | None = None
    fields: dict[str, str] | None = None


class Records:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, record_id: str) -> RenderedRecord | None:
        """The record; None when it is gone or erased. Raises `httpx.HTTPError` while ingest is away."""
        response = await self._client.get(f"/v1/records/{record_id}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        response.raise_for_status()
        record = _Record.model_validate_json(response.content)
        if record.fields is None:
            return None
        return RenderedRecord(
            phone=record.fields.get("phone"),
            organisation=record.fields.get("organisation"),
            insurer=record.insurer,
        )

    async def close(self) -> None:
        await self._client.aclose()
