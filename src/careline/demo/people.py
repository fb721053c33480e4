"""How the demo's people reach Careline: a base URL and tokens, as anybody else."""

from dataclasses import dataclass

import httpx

from careline_common.http.issuer import LocalIssuer

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Access:
    url: str
    issuer: LocalIssuer

    def token(self, subject: str, roles: list[str], **claims: str) -> str:
        return self.issuer.token(subject=subject, roles=roles, ttl_s=7 * DAY_S, **claims)

    def client(self, roles: list[str], subject: str = "demo", **claims: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.token(subject, roles, **claims)}"},
            timeout=30,
        )
