"""A running Careline under test, in one of its two forms, and the people's ways into it."""

from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from careline_common.http.issuer import LocalIssuer


class Careline(Protocol):
    """What both forms offer: base URLs by service, and a kill -9 with a start after it."""

    issuer: LocalIssuer
    urls: dict[str, str]

    async def apply(self, text: str) -> None:
        """`careline apply` of a configuration."""
        ...

    async def break_bus(self) -> None:
        """Kills what carries events and starts it again."""
        ...

    async def kill(self, service: str) -> None:
        """kill -9 of the process that runs a service, and the same command again, until ready."""
        ...


@dataclass(frozen=True, slots=True)
class People:
    """HTTP clients by role, each with a token of the local issuer."""

    careline: Careline

    def client(
        self, service: str, *roles: str, subject: str = "test", **claims: str
    ) -> httpx.AsyncClient:
        token = self.careline.issuer.token(subject=subject, roles=list(roles), **claims)
        return httpx.AsyncClient(
            base_url=self.careline.urls[service],
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            verify=False,  # plain HTTP: loading every authority's certificate would take longest
        )

    async def get(self, service: str, path: str, *roles: str, **params: Any) -> Any:
        async with self.client(service, *(roles or ("admin",))) as http:
            return (await http.get(path, params=params)).raise_for_status().json()

    async def items(
        self, service: str, path: str, *roles: str, **params: Any
    ) -> list[dict[str, Any]]:
        """All pages of a list."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self.get(service, path, *roles, **params)
            found += page["items"]
            if not page["next"]:
                return found
            params["cursor"] = page["next"]
