"""The way to a system as its entry says it is logged in at."""

from pydantic import SecretStr

from careline_common.clock import Clock
from careline_router.adapters.authorised import AuthorisedExchange, Way
from careline_router.adapters.client_credentials import ClientCredentials
from careline_router.adapters.crm_exchange import Exchange, Pauses
from careline_router.login_config import SystemEntry


def way_to(
    entry: SystemEntry,
    *,
    name: str,
    clock: Clock,
    pauses: Pauses,
    at_most_s: float,
    connections: int,
) -> Way:
    """A way whose requests take `at_most_s` seconds each; `name` is how the log calls the system."""

    def exchange(connections: int, token: SecretStr | None = None) -> Exchange:
        return Exchange(
            clock=clock,
            pauses=pauses,
            at_most_s=at_most_s,
            connections=connections,
            ca=entry.ca.get_secret_value() if entry.ca else None,
            headers={"Authorization": f"Bearer {token.get_secret_value()}"} if token else {},
        )

    if entry.token_url is None:
        return exchange(connections, entry.token)
    assert entry.client_id is not None  # an entry without is not valid
    assert entry.client_secret is not None
    tokens = ClientCredentials(
        exchange(1),
        token_url=entry.token_url,
        client_id=entry.client_id,
        client_secret=entry.client_secret.get_secret_value(),
        client_auth=entry.client_auth,
        scope=entry.scope,
        clock=clock,
        name=name,
    )
    return AuthorisedExchange(exchange(connections), tokens)
