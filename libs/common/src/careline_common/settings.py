"""Settings that every service has. Each is an environment variable `CARELINE_<NAME>`."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="CARELINE_", extra="ignore", frozen=True)

    database_url: SecretStr = Field(
        description="PostgreSQL, as postgresql://user:password@host:port/database"
    )
    rabbitmq_url: SecretStr | None = Field(
        default=None, description="amqp://…; without it events go over the local transport"
    )
    database_pool_size: int = Field(default=10, ge=2, description="connections a service holds")

    oidc_issuer: str = Field(default="careline-local", description="`iss` of accepted tokens")
    oidc_audience: str = Field(default="careline", description="`aud` of accepted tokens")
    oidc_jwks: str | None = Field(
        default=None, description="the issuer's public keys: a URL or the path of a file"
    )
    oidc_roles_claim: str = Field(default="roles", description="the claim that lists the roles")
    issuer_file: Path | None = Field(
        default=None,
        description="private key of the local issuer; services sign tokens for each other with it",
    )
    service_token_file: Path | None = Field(
        default=None,
        description="a token for calls to other services, where there is no issuer_file",
    )

    router_url: str = Field(
        default="http://127.0.0.1:8080/router", description="base of the router"
    )
    tickets_url: str = Field(default="http://127.0.0.1:8080/tickets", description="base of tickets")
    surveys_url: str = Field(default="http://127.0.0.1:8080/surveys", description="base of surveys")
    ingest_url: str = Field(default="http://127.0.0.1:8080/ingest", description="base of ingest")

    address: str | None = Field(
        default=None,
        pattern=r"^(http://[^/@\s]+:[0-9]+|[^/@\s]+)$",
        description="where other processes of this service reach this one, as a host or "
        "http://host:port; without it, where it listens",
    )

    nice: int = Field(
        default=0,
        ge=0,
        le=19,
        description="how far this process stands back for others that want a processor, as nice(1); "
        "for services beside a router on its machine (the standalone is one process: no effect)",
    )
    max_body_bytes: int = Field(default=1 << 20, description="a larger request body gets 413")
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")
    pii_key: SecretStr = Field(
        default=SecretStr(""),
        description="key of the HMAC under which numbers are logged and looked up; "
        "empty: a random one a process, which fits tests only",
    )
