"""The same writes through HTTP, for the record."""

import asyncio
from time import perf_counter
from typing import Any

import httpx

from careline.bench.appeals_data import phone
from careline.bench.tickets_writes import CONNECTIONS
from careline.datadir import CannotError


async def rates(client: httpx.AsyncClient, texts: list[str]) -> tuple[float, float]:
    """Appeals registered and taken a second, by so many callers at once."""
    made: list[dict[str, Any]] = []

    async def create(number: int) -> None:
        body = {
            "channel": "phone", "kind": "complaint", "text": texts[number],
            "person": {"phone": phone(number)},
        }  # fmt: skip
        made.append(_good(await client.post("/v1/tickets", json=body), 201))

    async def take(number: int) -> None:
        ticket = made[number]
        answer = await client.post(
            f"/v1/tickets/{ticket['id']}/transitions",
            json={"action": "take"},
            headers={"If-Match": f'"{ticket["version"]}"'},
        )
        _good(answer, 200)

    return await _rate(len(texts), create), await _rate(len(texts), take)


def _good(answer: httpx.Response, status: int) -> dict[str, Any]:
    if answer.status_code != status:
        raise CannotError(f"answered {answer.status_code}: {answer.text[:300]}")
    document: dict[str, Any] = answer.json()
    return document


async def _rate(count: int, work: Any) -> float:
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            await work(number)

    began = perf_counter()
    await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))
    return count / (perf_counter() - began)
