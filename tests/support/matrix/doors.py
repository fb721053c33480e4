"""Clients that do not give up: the same request again until it is answered, as real senders do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import uuid_utils
from story.waiting import FIRST_PAUSE_S, LONGEST_PAUSE_S, PATIENCE_S, GaveUpError

TRY_S = 5.0
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class RefusedError(AssertionError):
    """A request was answered with a refusal that no repetition heals."""

    def __init__(self, response: httpx.Response) -> None:
        request = response.request
        super().__init__(
            f"{request.method} {request.url.path}: {response.status_code} {response.text[:500]}"
        )
        self.status = response.status_code


async def insist(send: Callable[[], Awaitable[httpx.Response]], what: str) -> httpx.Response:
    """The first answer that is no failure of the moment; raises `RefusedError` and `GaveUpError`."""
    last, pause_s = "never answered", FIRST_PAUSE_S
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    response = await send()
                except httpx.HTTPError as error:
                    last = repr(error)
                else:
                    if response.is_success:
                        return response
                    if response.status_code not in AGAIN:
                        raise RefusedError(response)
                    last = f"{response.status_code} {response.text[:200]}"
                await asyncio.sleep(pause_s)
                pause_s = min(1.5 * pause_s, LONGEST_PAUSE_S)
    except TimeoutError:
        raise GaveUpError(f"{what}: not within {PATIENCE_S} s; last: {last}") from None


class Door:
    """One person's way into one service."""

    def __init__(self, base: str, token: str) -> None:
        self.http = httpx.AsyncClient(
            base_url=base,
            headers={"Authorization": f"Bearer {token}"},
            timeout=TRY_S,
            verify=False,
            trust_env=False,
        )

    async def get(self, path: str, **params: Any) -> Any:
        return (await self.http.get(path, params=params)).raise_for_status().json()

    async def read(self, path: str, **params: Any) -> Any:
        """Like `get`, until there is an answer."""
        return (await insist(lambda: self.http.get(path, params=params), path)).json()

    async def items(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """All pages of a list, until all have come."""
        found: list[dict[str, Any]] = []
        params["limit"] = 200
        while True:
            page = await self.read(path, **params)
            found += page["items"]
            if not page.get("next"):
                return found
            params["cursor"] = page["next"]

    async def post(self, path: str, body: Any, *, match: int | None = None) -> Any:
        """A POST under an Idempotency-Key of its own, repeated until it is answered."""
        headers = {"Idempotency-Key": str(uuid_utils.uuid7())}
        if match is not None:
            headers["If-Match"] = f'"{match}"'
        return (await insist(lambda: self.http.post(path, json=body, headers=headers), path)).json()

    async def put(self, path: str, body: Any, **params: Any) -> Any:
        return (await insist(lambda: self.http.put(path, json=body, params=params), path)).json()

    async def close(self) -> None:
        await self.http.aclose()
