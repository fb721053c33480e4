"""Clients and settings for tests of HTTP edges: the app itself, no sockets."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from careline_common.clock import Clock
from careline_common.http.auth import Authenticator
from careline_common.http.issuer import LocalIssuer
from careline_common.settings import ServiceSettings


def settings_for(issuer_file: Path | None = None, **values: Any) -> ServiceSettings:
    """Settings that look at no environment variable that they could be given."""
    given = {"database_url": "postgresql://nobody@127.0.0.1:1/none", "issuer_file": issuer_file}
    return ServiceSettings(**{**given, **values})


def authenticator_of(issuer: LocalIssuer, clock: Clock) -> Authenticator:
    """An authenticator that trusts this issuer."""
    return Authenticator.from_settings(settings_for(issuer.path), clock)


def client_of(app: FastAPI, token: str | None = None, base: str = "") -> httpx.AsyncClient:
    """A client that calls the app directly; crashes come out as the answers they become."""
    headers = {} if token is None else bearer(token)
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    return httpx.AsyncClient(
        transport=transport, base_url=f"http://careline.test{base}", headers=headers
    )


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def token_for(issuer: LocalIssuer, subject: str, roles: Iterable[str], **claims: Any) -> str:
    """A token of this subject with these roles."""
    return issuer.token(subject=subject, roles=roles, **claims)
