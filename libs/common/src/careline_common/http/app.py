"""The FastAPI application of a service, with everything that is the same in all of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response

from careline_common.clock import Clock, SystemClock
from careline_common.http.auth import Authenticator
from careline_common.http.errors import install_handlers
from careline_common.http.health import Readiness, ready_answer
from careline_common.http.middleware import BodyLimit, CleanText, ReadyGate, RequestLog
from careline_common.http.problem import CONTENT_TYPE, ProblemDocument
from careline_common.ids import Ids, UuidIds
from careline_common.observability.metrics import CONTENT_TYPE as METRICS_TYPE
from careline_common.observability.metrics import MetricsRegistry, exposition
from careline_common.settings import ServiceSettings

CONFIG_BYTES = 16 << 20
"""A whole configuration, with every agent of a large centre in it."""

CONVENTIONS = """
Times are RFC 3339 in UTC, telephone numbers E.164, durations `…_s` in seconds. Errors are RFC 9457 problems with a
stable `type`. Lists come by pages: `limit` (50, at most 200) and `cursor`, which is the `next` of the page before.
What can be changed has an `ETag`; send it as `If-Match` with the change: 428 without it, 412 when somebody else has
changed it meanwhile. With an `Idempotency-Key` a POST that is repeated gets its first answer again and has no second
effect; 422 when the key was used for another request.
"""

_PROBLEM: dict[str, Any] = {
    "description": "RFC 9457 problem",
    "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
}


_PROBLEMS: dict[int | str, dict[str, Any]] = {422: _PROBLEM, "default": _PROBLEM}


class ServiceApp(FastAPI):
    """FastAPI whose OpenAPI document has problems for errors, and what routes refer to by name besides."""

    referred: tuple[type[BaseModel], ...] = (ProblemDocument,)

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for model in self.referred:
            if model.__name__ in schemas:
                continue
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            for name, part in {**schema.pop("$defs", {}), model.__name__: schema}.items():
                schemas.setdefault(name, part)
        return document


def create_app(
    *,
    title: str,
    version: str,
    description: str,
    readiness: Readiness,
    authenticator: Authenticator,
    settings: ServiceSettings,
    metrics_registry: MetricsRegistry,
    body_limits: Mapping[str, int] | None = None,
    in_front: Sequence[Middleware] = (),
    referred: Sequence[type[BaseModel]] = (),
    clock: Clock | None = None,
    ids: Ids | None = None,
) -> FastAPI:
    """An app that answers errors as problems, limits and cleans bodies, logs, counts and reports.

    `body_limits` maps regular expressions over paths (`/v1/sources/[^/]+/files`) to limits in
    bytes where `settings.max_body_bytes` does not fit. `in_front` stands before the routes and sees
    bodies as they were sent. `referred` are bodies that routes read by themselves and name in their
    documentation.
    """
    limit = settings.max_body_bytes
    limits = {"/v1/config": max(limit, CONFIG_BYTES), **(body_limits or {})}
    app = ServiceApp(
        title=title,
        version=version,
        description=f"{description}\n{CONVENTIONS}",
        redirect_slashes=False,
        redoc_url=None,
        responses=_PROBLEMS,
        middleware=[
            Middleware(
                RequestLog,
                readiness=readiness,
                metrics=metrics_registry,
                clock=clock or SystemClock(),
                ids=ids or UuidIds(),
            ),
            Middleware(ReadyGate, readiness=readiness),
            Middleware(BodyLimit, default=limit, limits=limits),
            *in_front,
            Middleware(CleanText, limit=max(limit, CONFIG_BYTES)),
        ],
    )
    app.referred = (ProblemDocument, *referred)
    app.state.authenticator = authenticator
    app.state.readiness = readiness
    app.state.metrics = metrics_registry
    install_handlers(app)
    _add_operations(app, readiness, metrics_registry)
    return app


def add_router(app: FastAPI, router: APIRouter) -> None:
    """`app.include_router`, but for the routes as they are: one module's serve every app of a process.

    FastAPI makes those that it includes anew for each app, at its first requests: 2.5 ms a route, a
    quarter of a second for the router's.
    """
    for route in router.routes:
        if isinstance(route, APIRoute):
            route.responses = {**_PROBLEMS, **route.responses}
    app.router.routes.extend(router.routes)


def _add_operations(app: FastAPI, readiness: Readiness, metrics: MetricsRegistry) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        status, body = ready_answer({metrics.service: readiness})
        return JSONResponse(body, status)

    @app.get("/metrics", include_in_schema=False)
    async def metrics_text() -> Response:
        return Response(exposition([metrics]), media_type=METRICS_TYPE)
