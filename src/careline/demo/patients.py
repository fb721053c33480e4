"""Patients who answer the survey SMS, each in his own way."""

import asyncio
import random

from careline.demo.people import Access

ANSWERS = ["5", "5", "5", "4", "4", "отлично", "۵", "۴", "3", "2", "1", "5!", "спасибо"]
ANSWERING = 0.6
POLL_S = 3.0


class Patients:
    """Reads what the console provider "sent" and plays replies."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._chance = random.Random()  # noqa: S311 - made-up people

    async def run(self) -> None:
        async with self._access.client(["admin"]) as http:
            after: str | None = await self._last(http)
            while True:
                await asyncio.sleep(POLL_S)
                params = {"after": after} if after else {}
                answer = await http.get("/surveys/v1/sms/console/messages", params=params)
                for message in answer.raise_for_status().json()["items"]:
                    after = message["id"]
                    if self._chance.random() < ANSWERING:
                        reply = {"from": message["to"], "text": self._chance.choice(ANSWERS)}
                        await http.post("/surveys/v1/sms/console/inbound", json=reply)

    async def _last(self, http: object) -> str | None:
        """The newest message there is: what was sent before the demo started stays unanswered."""
        after: str | None = None
        while True:
            params = {"after": after} if after else {}
            answer = await http.get("/surveys/v1/sms/console/messages", params=params)  # type: ignore[attr-defined]
            items = answer.raise_for_status().json()["items"]
            if not items:
                return after
            after = items[-1]["id"]
