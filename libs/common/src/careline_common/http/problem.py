"""Errors as RFC 9457 problem details: what a client gets when it cannot have what it asked for.

Raise a `Problem` anywhere below a route and the client gets it as `application/problem+json`.
`type` is a bare slug and stable: clients branch on it. A service declares its own:

    class UnknownAgent(Problem):
        status = 403
        type = "unknown-agent"
        title = "The token names no configured agent"
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NotRequired

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json
from starlette.responses import Response
from typing_extensions import TypedDict

CONTENT_TYPE = "application/problem+json"


class FieldError(TypedDict):
    """One fault in an input: where (`data.at`, `questions[0].kind`) and what; line and column in a text."""

    path: str
    reason: str
    line: NotRequired[int]
    column: NotRequired[int]


class Problem(Exception):  # noqa: N818 - a client's problem, not always our error
    """An answer that is no success. `detail` is for people; never put personal data in it."""

    status: int = 500
    type: str = "internal-error"
    title: str = "Internal error"

    def __init__(
        self,
        detail: str = "",
        *,
        type: str | None = None,  # noqa: A002 - the member's name in RFC 9457
        allowed: Iterable[str] | None = None,
        errors: Sequence[FieldError] | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail or self.title)
        if type is not None:
            self.type = type
        self.detail = detail
        self.allowed = None if allowed is None else list(allowed)
        self.errors = None if errors is None else list(errors)
        self.headers = dict(headers or {})
        self.extra = extra

    def document(self) -> dict[str, Any]:
        """The problem as JSON; also what goes into an `error` on a WebSocket."""
        document: dict[str, Any] = {
            "type": self.type,
            "title": self.title,
            "status": self.status,
            "detail": self.detail or _first_faults(self.errors or ()) or self.title,
        }
        if self.allowed is not None:
            document["allowed"] = self.allowed
        if self.errors is not None:
            document["errors"] = self.errors
        return document | self.extra

    def response(self) -> Response:
        return Response(
            to_json(self.document()), self.status, headers=self.headers, media_type=CONTENT_TYPE
        )


def _first_faults(errors: Sequence[FieldError]) -> str:
    return "; ".join(f"{fault['path'] or 'body'}: {fault['reason']}" for fault in errors[:3])


class MalformedRequest(Problem):
    """The request itself cannot be read: broken JSON, a broken header."""

    status = 400
    type = "malformed-request"
    title = "The request cannot be read"


class MalformedJson(MalformedRequest):
    type = "malformed-json"


class Unauthorized(Problem):
    status = 401
    type = "unauthorized"
    title = "No valid credentials"

    def __init__(self, detail: str = "", **extra: Any) -> None:
        headers = {"WWW-Authenticate": 'Bearer realm="careline"', **extra.pop("headers", {})}
        super().__init__(detail, headers=headers, **extra)


class Forbidden(Problem):
    status = 403
    type = "forbidden"
    title = "Not allowed with this role"


class NotFound(Problem):
    status = 404
    type = "not-found"
    title = "There is no such thing here"


class Conflict(Problem):
    status = 409
    type = "conflict"
    title = "Not possible in the present state"


class PreconditionFailed(Problem):
    status = 412
    type = "precondition-failed"
    title = "Somebody else has changed it meanwhile"


class TooLarge(Problem):
    status = 413
    type = "too-large"
    title = "The body is too large"


class InvalidInput(Problem):
    """The input was read and is wrong; `errors` says where."""

    status = 422
    type = "invalid-input"
    title = "The input is not valid"


class PreconditionRequired(Problem):
    status = 428
    type = "precondition-required"
    title = "Say which version you have seen"


class TooManyRequests(Problem):
    status = 429
    type = "too-many-requests"
    title = "Too many requests"


class NotReady(Problem):
    status = 503
    type = "not-ready"
    title = "Not ready yet"

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail, headers={"Retry-After": "1", **extra.pop("headers", {})}, **extra)


class ProblemDocument(BaseModel):
    """The shape of every error, for OpenAPI."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="stable slug, for example `unknown-agent`")
    title: str
    status: int
    detail: str
    allowed: list[str] | None = Field(default=None, description="what would be possible instead")
    errors: list[FieldError] | None = Field(default=None, description="faults of the input")


def invalid(path: str, reason: str) -> InvalidInput:
    """An `InvalidInput` about one field."""
    return InvalidInput(errors=[{"path": path, "reason": reason}])
