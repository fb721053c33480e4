"""The journal's people: an insurer's daily file, the specialist, the insurer, the administrator."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uuid_utils

from careline.demo.people import Access
from careline_common.clock import SystemClock

FEED_EVERY_S = 120.0
STEP_EVERY_S = 8.0
COMPLAINTS = [
    "Отказали в приёме по полису",
    "Не могу записаться к кардиологу второй месяц",
    "Грубо разговаривали в регистратуре",
    "Взяли деньги за анализ, который входит в программу",
]
HEADER = "Номер обращения;Дата;Телефон;ФИО;Текст"


class Journal:
    """Drops files of the insurer's hotline and moves appeals on, one at a time."""

    def __init__(self, access: Access, feed: Path) -> None:
        self._access = access
        self._feed = feed
        self._clock = SystemClock()
        self._chance = random.Random()  # noqa: S311 - made-up people

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_files())
            tasks.create_task(self._work())

    async def _send_files(self) -> None:
        while True:
            now = self._clock.now()
            rows = [HEADER]
            for _ in range(self._chance.randrange(2, 6)):
                moment = now - timedelta(minutes=self._chance.randrange(600))
                phone = f"7900{self._chance.randrange(10_000_000):07d}"
                text = self._chance.choice(COMPLAINTS)
                rows.append(
                    f"H-{uuid_utils.uuid7()};{moment:%d.%m.%Y %H:%M};{phone};Иванова А. П.;{text}"
                )
            name = f"hotline-{now:%Y%m%d-%H%M%S}.csv"
            part = self._feed / f".{name}"
            await asyncio.to_thread(part.write_bytes, "\r\n".join(rows).encode("cp1251"))
            await asyncio.to_thread(part.rename, self._feed / name)
            await asyncio.sleep(FEED_EVERY_S)

    async def _work(self) -> None:
        async with (
            self._access.client(["specialist"], "spec-care") as specialist,
            self._access.client(["insurer"], "op-reso", insurer="reso") as insurer,
            self._access.client(["contact_admin"], "journal-admin") as admin,
        ):
            while True:
                await asyncio.sleep(STEP_EVERY_S)
                await self._step(specialist, "new", {"action": "take"})
                await self._step(admin, "in_work", self._what_next())
                await self._step(
                    insurer,
                    "with_insurer",
                    {"action": "insurer_answer", "text": "Разобрались, приём назначен."},
                )
                await self._step(admin, "in_review", self._verdict())

    def _what_next(self) -> dict[str, Any]:
        if self._chance.random() < 0.5:
            return {"action": "send_to_insurer", "insurer": "reso"}
        return {"action": "answer", "text": "Пациенту назначен приём."}

    def _verdict(self) -> dict[str, Any]:
        if self._chance.random() < 0.2:
            return {"action": "return", "reason": "Ответ не по существу"}
        return {
            "action": "accept",
            "outcome": self._chance.choice(["justified", "partly", "unjustified"]),
        }

    async def _step(self, http: httpx.AsyncClient, status: str, action: dict[str, Any]) -> None:
        """Does one thing to one appeal in a status; whoever was quicker wins, and nothing is lost."""
        answer = await http.get("/tickets/v1/tickets", params={"status": status, "limit": 5})
        if answer.status_code != httpx.codes.OK:
            return
        for ticket in answer.json()["items"][:1]:
            await http.post(
                f"/tickets/v1/tickets/{ticket['id']}/transitions",
                json=action,
                headers={"If-Match": f'"{ticket["version"]}"'},
            )
