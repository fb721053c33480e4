"""Small questions to an ASGI scope."""

from starlette._utils import get_route_path
from starlette.types import Scope

OPERATIONS = frozenset(
    {
        "/healthz",
        "/readyz",
        "/leaderz",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/docs/oauth2-redirect",
    }
)
"""What operators ask; it answers from the first moment and is logged at DEBUG only."""


def header(scope: Scope, name: bytes) -> str | None:
    """The first header of this name (lower case)."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return None


def route_template(scope: Scope) -> str:
    """`/v1/tickets/{id}`, never the path itself, which holds ids; `unmatched` without a route.

    FastAPI keeps the whole template, prefixes of included routers and all, in its own scope.
    """
    path = get_route_path(scope)
    if path in OPERATIONS:
        return path
    effective = scope.get("fastapi", {}).get("effective_route_context")
    for route in (getattr(effective, "starlette_route", None), effective, scope.get("route")):
        template = getattr(route, "path_format", None)
        if template and isinstance(template, str):
            return template
    return "unmatched"
