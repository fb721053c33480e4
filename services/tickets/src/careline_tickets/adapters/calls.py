"""Calls over the router's HTTP API, asked in the name of whoever asks us."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
import structlog

from careline_tickets.ports import Call

log = structlog.get_logger(__name__)


class RouterCalls:
    """`client` has the router's base URL, a short timeout and no token of its own: the router decides by
    the asker's token whether he may see the caller's number."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def of(self, call_id: str, authorization: str) -> Call | None:
        headers = {"Authorization": authorization}
        try:
            answer = await self._client.get(f"v1/calls/{quote(call_id, safe='')}", headers=headers)
            if answer.status_code != httpx.codes.OK:
                return None
            return _call(answer.json())
        except (httpx.HTTPError, ValueError) as error:
            log.warning("call.not_looked_up", reason=type(error).__name__)
            return None


def _call(document: Mapping[str, Any]) -> Call:
    crm = document.get("crm") or {}

    def told(name: str) -> str | None:
        value = crm.get(name)
        return value if isinstance(value, str) and value.strip() else None

    return Call(
        phone=document.get("caller"),
        name=told("name"),
        policy_number=told("policy_number"),
        insurer=told("insurer"),
        language=document.get("language") or told("language"),
    )
