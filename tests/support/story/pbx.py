"""A PBX of the webhook kind: signs what it tells, fetches what it is told."""

import json
from datetime import datetime
from typing import Any

import httpx
import uuid_utils

from careline_common.clock import SystemClock
from careline_common.http.signed import signed_headers


class WebhookPbx:
    def __init__(self, http: httpx.AsyncClient, router: str, name: str, secret: str) -> None:
        self._http = http
        self._base = f"{router}/v1/pbx/{name}"
        self._secret = secret

    async def tell(
        self,
        kind: str,
        call_id: str,
        message_id: str | None = None,
        *,
        at: datetime | None = None,
        **data: Any,
    ) -> httpx.Response:
        """Sends one signed event; the same `message_id` and `at` again are a repeat."""
        now = SystemClock().now()
        at = at or now
        body = json.dumps({"type": kind, "call_id": call_id, "at": at.isoformat(), "data": data})
        headers = signed_headers(
            self._secret, message_id or str(uuid_utils.uuid7()), now, body.encode()
        )
        return await self._http.post(
            f"{self._base}/events",
            content=body,
            headers={**headers, "content-type": "application/json"},
        )

    async def commands(self, *, wait: int = 5) -> list[dict[str, Any]]:
        answer = await self._http.get(f"{self._base}/commands", params={"wait": wait})
        return list(answer.raise_for_status().json()["items"])

    async def done(self, command_id: str) -> None:
        answer = await self._http.post(
            f"{self._base}/commands/{command_id}/done", json={"ok": True}
        )
        answer.raise_for_status()
