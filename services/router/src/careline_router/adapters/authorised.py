"""A way to one host whose requests bear a token: one that is configured, or one that a login gives."""

from collections.abc import Mapping
from typing import Protocol

from careline_router.adapters.client_credentials import ClientCredentials
from careline_router.adapters.crm_exchange import Answer, Exchange
from careline_router.ports import CrmFault


class Way(Protocol):
    """What `crm_exchange.Exchange` promises."""

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """Sends a request, once; raises `CrmFault`."""
        ...

    async def close(self) -> None: ...


class AuthorisedExchange:
    """Bears the token of a login (RFC 6750, 2.1).

    A request that is answered with 401 was not carried out (RFC 9110, 15.5.2): its token was withdrawn before its
    time, so another one is had and the same request sent once more with it. Without a token nothing is sent.
    """

    def __init__(self, exchange: Exchange, tokens: ClientCredentials) -> None:
        self._exchange = exchange
        self._tokens = tokens

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        token = await self._token()
        answer = await self._bearing(token, method, url, headers, content)
        if answer.status == 401:
            token = await self._token(refused=token)
            answer = await self._bearing(token, method, url, headers, content)
        return answer

    async def _token(self, *, refused: str | None = None) -> str:
        try:
            return await self._tokens.token(refused=refused)
        except CrmFault as fault:
            raise CrmFault(fault.reason, f"login: {fault.detail}", sent=False) from None

    async def _bearing(
        self,
        token: str,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        content: bytes | None,
    ) -> Answer:
        bearer = {**(headers or {}), "Authorization": f"Bearer {token}"}
        return await self._exchange.send(method, url, headers=bearer, content=content)

    async def close(self) -> None:
        await self._exchange.close()
        await self._tokens.close()
