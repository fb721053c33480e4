"""How errors become problems, whoever raised them."""

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketState

from careline_common.db.engine import is_unavailable, sqlstate
from careline_common.http.health import Readiness
from careline_common.http.problem import (
    FieldError,
    InvalidInput,
    MalformedJson,
    NotReady,
    Problem,
)
from careline_common.http.scope import route_template
from careline_common.http.validation import field_errors

_SLUGS = {
    400: ("malformed-request", "The request cannot be read"),
    401: ("unauthorized", "No valid credentials"),
    403: ("forbidden", "Not allowed"),
    404: ("not-found", "There is no such thing here"),
    405: ("method-not-allowed", "Not possible with this method"),
    413: ("too-large", "The body is too large"),
    415: ("unsupported-media-type", "Not in this format"),
}

SOCKET_POLICY = 1008

DATA_ERRORS = "22"
"""SQLSTATE class of values that no column takes: U+0000, numbers out of range."""


def install_handlers(app: FastAPI) -> None:
    """Has the app answer as problems what it raises itself; `problem_of` does the rest."""
    app.add_exception_handler(Problem, _as_is)  # type: ignore[arg-type]  # requests and sockets
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(WebSocketRequestValidationError, _socket_validation)  # type: ignore[arg-type]  # sockets
    app.add_exception_handler(HTTPException, _http)


def problem_of(error: BaseException, readiness: Readiness) -> Problem:
    """What the client is told of an error that no route has foreseen."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, Problem):
        return error
    if is_unavailable(error) or (isinstance(error, SQLAlchemyError) and not readiness.ready):
        return NotReady("the service cannot reach what it needs: ask again soon")
    if sqlstate(error).startswith(DATA_ERRORS):
        return InvalidInput("a value does not fit: too long, too large, or no text")
    return Problem()


async def _as_is(connection: HTTPConnection, error: Exception) -> Response | None:
    """The problem; a WebSocket gets it in place of the handshake, or as the reason of its end."""
    assert isinstance(error, Problem)
    if isinstance(connection, WebSocket):
        connecting = connection.client_state is WebSocketState.CONNECTING
        if not connecting or "websocket.http.response" not in connection.scope.get(
            "extensions", {}
        ):
            await connection.close(SOCKET_POLICY, error.type)
            return None
    return error.response()


async def _validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return validation_problem(error).response()


async def _socket_validation(socket: WebSocket, error: Exception) -> Response | None:
    assert isinstance(error, WebSocketRequestValidationError)
    faults = [fault for item in error.errors() for fault in _faults_of(item, None)]
    return await _as_is(socket, InvalidInput(errors=faults))


def validation_problem(error: RequestValidationError) -> Problem:
    """422 with the path of each fault, or 400 where the body is no JSON at all."""
    errors = error.errors()
    if errors and errors[0]["type"] == "json_invalid":
        text = error.body if isinstance(error.body, str) else ""
        at = json.JSONDecodeError(errors[0]["ctx"]["error"], text, int(errors[0]["loc"][-1]))
        return MalformedJson(
            f"no JSON at line {at.lineno}, column {at.colno}: {at.msg}",
            line=at.lineno,
            column=at.colno,
        )
    faults: list[FieldError] = []
    for item in errors:
        faults += _faults_of(item, error.body)
    return InvalidInput(errors=faults)


def _faults_of(item: Any, body: Any) -> list[FieldError]:
    """Faults of the body by their path in it, of anything else by the parameter's name."""
    place, *location = item["loc"]
    if place == "body":
        return field_errors([{**item, "loc": location}], body)
    return field_errors([{**item, "loc": location[:1]}], {str(step): None for step in location[:1]})


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    slug, title = _SLUGS.get(error.status_code, ("http-error", "The request failed"))
    if error.status_code == 400 and "parsing the body" in str(error.detail):
        slug = MalformedJson.type
    detail = "" if error.detail == HTTPStatus(error.status_code).phrase else str(error.detail)
    problem = Problem(detail, type=slug, headers=error.headers)
    problem.status, problem.title = error.status_code, title
    if error.status_code == 405:
        problem.allowed = _methods(request, error)
        problem.headers["Allow"] = ", ".join(problem.allowed)
    return problem.response()


def _methods(request: Request, error: HTTPException) -> list[str]:
    """Every method of this path: routing itself names only those of the first route it met."""
    paths = request.app.openapi().get("paths", {})
    known = {method.upper() for method in paths.get(route_template(request.scope), {})}
    named = {method.strip() for method in (error.headers or {}).get("Allow", "").split(",")}
    return sorted((known | named) - {""})
