"""A CRM for tests: the shipped fake, which can be held back and switched off."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from careline_router.fakes.crm import PlainCrm, number_in
from careline_router.fakes.http_server import Desk, FakeServer, Hang, Request


class Crm(PlainCrm):
    """`people` may be changed at any time; `asked` keeps every phone it was asked for."""

    def __init__(self, people: Mapping[str, Any], port: int) -> None:
        super().__init__(people, token=None)
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{port}/customers/{{phone}}"
        self._server = FakeServer(self, port=port)

    def desk(self, request: Request) -> Desk:
        self.asked.append(number_in(request))
        return super().desk(request)

    def hold_back(self) -> None:
        """From now on it hears questions and does not answer them."""
        self.customers.always = Hang()

    def go_on(self) -> None:
        self.customers.always = None
        self.customers.release()

    async def switch_on(self) -> None:
        await self._server.__aenter__()

    async def switch_off(self) -> None:
        await self._server.__aexit__(None, None, None)


@contextlib.asynccontextmanager
async def crm(people: Mapping[str, Any], port: int) -> AsyncIterator[Crm]:
    server = Crm(people, port)
    await server.switch_on()
    try:
        yield server
    finally:
        await server.switch_off()
