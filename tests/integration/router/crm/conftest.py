"""Both kinds of CRM behind their guard, each over a fake on a real port, by a clock of the test's."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from careline_common.clock import ManualClock
from careline_router.adapters.crm import make_crm
from careline_router.adapters.crm_exchange import Pauses
from careline_router.crm_config import CrmEntry
from careline_router.fakes import crm as plain
from careline_router.fakes import dataverse
from careline_router.fakes.http_server import Desk, FakeServer, Handler, Reply
from careline_router.ports import Crm

PATIENT_MS = 10_000
"""A deadline that no busy machine misses, for tests that are not about it."""

DATAVERSE_MAP: dict[str, Any] = {
    "name": "fullname",
    "payer": {
        "field": "new_payer",
        "values": {"100000000": "cash", "100000001": "insured"},
    },
    "insurer": {"field": "_new_insurer_value", "formatted": True},
    "policy_state": {"field": "new_policystate", "values": {"1": "active", "2": "lapsed"}},
    "language": "new_language",
    "vip": "new_vip",
    "needs": {"field": "new_needs", "values": {"1": "wheelchair", "2": "pregnant"}},
    "last_agent": "new_lastagent",
}
PLAIN_MAP = {
    name: f"$.{name}"
    for name in (
        *("name", "payer", "insurer", "policy_state", "language", "vip", "needs", "last_agent"),
    )
}


@dataclass
class World:
    """A CRM, who is in it, and the look-up over it."""

    kind: str
    url: str
    desk: Desk
    clock: ManualClock
    handler: Handler
    life: AsyncExitStack
    pauses: Pauses
    asked: list[str] = field(default_factory=list)

    def entry(self, **changed: Any) -> dict[str, Any]:
        """The section `crm` for this fake."""
        kinds: Mapping[str, dict[str, Any]] = {
            "http": {
                "url": f"{self.url}/customers/{{phone}}",
                "token": plain.TOKEN,
                "map": PLAIN_MAP,
            },
            "dataverse": {
                "url": self.url,
                "token_url": f"{self.url}/{dataverse.TENANT}/oauth2/v2.0/token",
                "client_id": dataverse.CLIENT_ID,
                "client_secret": dataverse.CLIENT_SECRET,
                "phones": ["mobilephone", "telephone1"],
                "map": DATAVERSE_MAP,
            },
        }
        usual = {"kind": self.kind, "deadline_ms": PATIENT_MS, "give_up_ms": PATIENT_MS}
        return {**usual, **kinds[self.kind], **changed}

    def crm(self, **changed: Any) -> Crm:
        """A look-up by this entry; closed at the end of the test."""
        entry = CrmEntry(**self.entry(**changed))
        made = make_crm(entry, self.clock, self.pauses, self.asked.append)
        self.life.push_async_callback(made.close)
        return made

    def knows(self, phone: str, *people: Mapping[str, Any]) -> None:
        """Puts people with this number into the CRM; `name`, `payer`, `language` and so on."""
        if isinstance(self.handler, plain.PlainCrm):
            self.handler.people[phone] = list(people)
        else:
            assert isinstance(self.handler, dataverse.Dataverse)
            self.handler.people += [_contact(phone, person) for person in people]

    @staticmethod
    def fails() -> Reply:
        return Reply(status=500)


def _contact(phone: str, person: Mapping[str, Any]) -> dict[str, Any]:
    payers = {"cash": 100000000, "insured": 100000001}
    return {
        "contactid": person["name"],
        "statecode": 0,
        "fullname": person["name"],
        "mobilephone": phone,
        "new_payer": payers[person["payer"]],
        "new_language": person["language"],
    }


Opened = Callable[..., Awaitable[World]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


@pytest.fixture
async def open_world(clock: ManualClock) -> AsyncIterator[Opened]:
    """Serves a CRM of a kind until the end of the test."""
    async with AsyncExitStack() as life:

        async def opened(kind: str, tls: ssl.SSLContext | None = None) -> World:
            handler = plain.PlainCrm() if kind == "http" else dataverse.Dataverse(clock=clock)
            desk = handler.customers if isinstance(handler, plain.PlainCrm) else handler.contacts
            server = await life.enter_async_context(FakeServer(handler, tls=tls))
            return World(kind, server.url, desk, clock, handler, life, Pauses(clock))

        yield opened


@pytest.fixture(params=["http", "dataverse"])
async def world(request: pytest.FixtureRequest, open_world: Opened) -> World:
    return await open_world(request.param)
