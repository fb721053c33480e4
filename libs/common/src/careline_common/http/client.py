"""How services and adapters call out over HTTP: always with deadlines, never without end."""

import ssl
from functools import cache

import httpx

from careline_common.http.issuer import ServiceTokens
from careline_common.observability.logging import REQUEST_ID, current_request_id

CONNECT_S = 2.0
READ_S = 10.0


@cache
def trusted() -> ssl.SSLContext:
    """The authorities that everybody trusts: reading them takes 15 ms and is done once a process."""
    return httpx.create_ssl_context(trust_env=False)


def http_client(
    base_url: str = "",
    *,
    tokens: ServiceTokens | None = None,
    connect_s: float = CONNECT_S,
    read_s: float = READ_S,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """A client that shows the service's token and passes the request id on.

    `connect_s` also bounds the wait for a free connection, `read_s` each read and each write.
    Redirects are not followed: a token must not travel on. The caller closes the client.
    """

    async def prepare(request: httpx.Request) -> None:
        request_id = current_request_id()
        if request_id is not None:
            request.headers.setdefault(REQUEST_ID, request_id)
        if tokens is not None:
            bearer = tokens.bearer()
            if bearer is not None:
                request.headers["Authorization"] = f"Bearer {bearer}"

    return httpx.AsyncClient(
        base_url=base_url,
        timeout=httpx.Timeout(read_s, connect=connect_s, pool=connect_s),
        event_hooks={"request": [prepare]},
        transport=transport,
        verify=trusted(),
        trust_env=False,
    )
