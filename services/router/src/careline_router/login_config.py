"""How the router logs in at a system that it asks: with a token of its own, or one that a login gives."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from careline_common.config.models import ConfigModel
from careline_router.adapters.client_credentials import ClientAuth
from careline_router.crm_config import Address, login_address, trusted_ca, word_of_a_header

LOGIN_SECRETS = ("token", "client_secret", "ca")
"""The fields whose values are never shown, and may come as `…_file` or `…_env`."""


def base_address(url: str) -> str:
    """An address under which everything is; raises ValueError for one that has more to it."""
    parts = urlsplit(url)
    if parts.query or parts.fragment or "{" in url:
        raise ValueError("give the address under which everything is, without ? and #")
    return url.rstrip("/")


def _host(name: str) -> str:
    if urlsplit(f"//{name}").hostname != name.lower():
        raise ValueError("give the name of a host, such as login.example")
    return name.lower()


class SystemEntry(ConfigModel):
    """A system that is asked over HTTP: where it is, whom to trust, and how to log in.

    Either `token` is sent as it is, or one is had at `token_url` by client credentials (RFC 6749, 4.4). The secret
    goes to the host of `url` alone, or to one that `token_hosts` names.
    """

    url: Annotated[Address, AfterValidator(base_address)] | None = None
    ca: Annotated[SecretStr, AfterValidator(trusted_ca)] | None = None
    token: Annotated[SecretStr, AfterValidator(word_of_a_header)] | None = None
    token_url: Annotated[Address, AfterValidator(login_address)] | None = None
    token_hosts: Annotated[
        list[Annotated[str, Field(max_length=253), AfterValidator(_host)]], Field(max_length=20)
    ] = Field(default_factory=list)
    client_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    client_secret: Annotated[SecretStr, Field(min_length=1, max_length=1000)] | None = None
    client_auth: ClientAuth = "header"
    scope: Annotated[str, Field(min_length=1, max_length=500)] | None = None

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if self.token_url is None:
            beside = [
                name for name in ("client_id", "client_secret", "scope") if getattr(self, name)
            ]
            if beside:
                raise ValueError(f"{', '.join(beside)}: say where the login is (token_url)")
            return self
        if self.token is not None:
            raise ValueError("give token or token_url, not both")
        missing = [name for name in ("client_id", "client_secret") if getattr(self, name) is None]
        if missing:
            raise ValueError(f"a login at token_url needs {', '.join(missing)}")
        host = urlsplit(self.token_url).hostname
        if host not in {urlsplit(self.url or "").hostname, *self.token_hosts}:
            raise ValueError(f"a secret goes to {host}: name that host in token_hosts")
        return self
