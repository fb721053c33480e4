"""Surveys over real PostgreSQL, against each shipped fake of an HTTP provider behind a real socket."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from careline_surveys.fakes.http.aliyun import Aliyun
from careline_surveys.fakes.http.dialect import Call, Dialect
from careline_surveys.fakes.http.generic import Generic
from careline_surveys.fakes.http.kavenegar import Kavenegar
from careline_surveys.fakes.http.mapped import Mapped
from careline_surveys.fakes.http.server import FakeHttpProvider
from careline_surveys.fakes.http.smsc_ru import SmscRu
from careline_surveys.fakes.http.twilio import Twilio

PHONES = {"kavenegar": "+989121234567", "aliyun": "+8613900001111"}
KINDS = ("generic", "kavenegar", "smsc_ru", "twilio", "aliyun", "http")


@dataclass
class Case:
    """A running fake, its kind and a number of its country."""

    kind: str
    fake: FakeHttpProvider
    phone: str

    @property
    def id(self) -> str:
        return str(self.fake.entry["id"])

    def another_phone(self, number: int) -> str:
        return f"{self.phone[:-3]}{number:03}"

    async def call(self, stranger: httpx.AsyncClient, call: Call) -> httpx.Response:
        return await stranger.post(
            f"/v1/sms/{self.id}/{call.target}", content=call.body, headers=dict(call.headers)
        )


@pytest.fixture
def dialects(manual_clock) -> dict[str, Dialect]:
    return {
        "generic": Generic(lambda: manual_clock.now().timestamp()),
        "kavenegar": Kavenegar(),
        "smsc_ru": SmscRu(),
        "twilio": Twilio(),
        "aliyun": Aliyun(),
        "http": Mapped(),
    }


@pytest_asyncio.fixture(loop_scope="session", params=KINDS)
async def case(request: pytest.FixtureRequest, dialects) -> AsyncIterator[Case]:
    """Each kind of provider in turn."""
    fake = FakeHttpProvider(dialects[request.param])
    await fake.open()
    yield Case(request.param, fake, PHONES.get(request.param, "+79031234567"))
    await fake.close()


@pytest_asyncio.fixture(loop_scope="session")
async def two(dialects) -> AsyncIterator[tuple[FakeHttpProvider, FakeHttpProvider]]:
    """Two providers side by side: the first of the configuration, and the second."""
    fakes = FakeHttpProvider(dialects["smsc_ru"]), FakeHttpProvider(dialects["generic"])
    for fake in fakes:
        await fake.open()
    yield fakes
    for fake in fakes:
        await fake.close()
