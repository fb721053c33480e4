"""The edge that every service has, on a small app of its own."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, WebSocket
from pydantic import BaseModel
from structlog.testing import capture_logs

from careline_common.clock import ManualClock
from careline_common.http.app import create_app
from careline_common.http.auth import Caller, Principal, require
from careline_common.http.health import Readiness
from careline_common.http.issuer import LocalIssuer
from careline_common.http.json_body import parse, raw_body
from careline_common.http.problem import Conflict, MalformedJson, Problem
from careline_common.ids import SequenceIds
from careline_common.observability.metrics import MetricsRegistry
from careline_common.testing.http import authenticator_of, bearer, client_of, settings_for

pytestmark = pytest.mark.unit


class Question(BaseModel):
    kind: str
    weight: int = 1


class Definition(BaseModel):
    name: str
    questions: list[Question] = []
    target: int | dict[str, int] | None = None


class UnknownAgent(Problem):
    status = 403
    type = "unknown-agent"
    title = "The token names no configured agent"


router = APIRouter(prefix="/v1")


@router.post("/definitions/{key}", status_code=201)
async def define(key: str, body: Definition) -> dict[str, Any]:
    return {"key": key, "body": body.model_dump()}


@router.get("/definitions/{key}")
async def definition(key: str, q: str = "", limit: int = 1) -> dict[str, Any]:
    return {"key": key, "q": q, "limit": limit}


@router.get("/problems/{kind}")
async def problems(kind: str) -> None:
    if kind == "conflict":
        raise Conflict("not now", allowed=["resume"], level=2)
    if kind == "agent":
        raise UnknownAgent("no agent has this id")
    if kind == "away":
        raise ConnectionRefusedError(111, "nobody there")
    raise RuntimeError("secret of +79161234567")


@router.get("/me")
async def me(caller: Caller) -> dict[str, Any]:
    return {"subject": caller.subject, "roles": sorted(caller.roles), "insurer": caller.insurer}


@router.get("/admin")
async def admin(caller: Annotated[Principal, Depends(require("admin", "floor"))]) -> str:
    return caller.subject


@router.post("/raw")
async def raw(request: Request) -> dict[str, Any]:
    return {"read": (await request.body()).decode(), "sent": (await raw_body(request)).decode()}


@router.post("/files")
async def files(request: Request) -> dict[str, int]:
    return {"bytes": sum([len(chunk) async for chunk in request.stream()])}


@router.websocket("/ws/{when}")
async def socket(websocket: WebSocket, when: str) -> None:
    if when == "after":
        await websocket.accept()
    raise UnknownAgent("no agent has this id")


@pytest.fixture
def readiness() -> Readiness:
    return Readiness()


@pytest.fixture
def metrics() -> MetricsRegistry:
    return MetricsRegistry("surveys")


@pytest.fixture
def app(
    readiness: Readiness, metrics: MetricsRegistry, issuer: LocalIssuer, manual_clock: ManualClock
) -> FastAPI:
    made = create_app(
        title="Surveys",
        version="1",
        description="",
        readiness=readiness,
        authenticator=authenticator_of(issuer, manual_clock),
        settings=settings_for(issuer.path, max_body_bytes=1000),
        metrics_registry=metrics,
        body_limits={r"/v1/files": 100_000},
        clock=manual_clock,
        ids=SequenceIds("r"),
    )
    made.include_router(router)
    return made


@pytest.fixture(params=["", "/surveys"], ids=["alone", "mounted"])
async def client(app: FastAPI, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """The app by itself, and mounted under a prefix as in the standalone."""
    served = app
    if request.param:
        served = FastAPI()
        served.mount(request.param, app)
    async with client_of(served, base=request.param) as made:
        yield made


async def test_unknown_fields_are_ignored(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/definitions/call", json={"name": "n", "colour": "red"})
    assert answer.status_code == 201
    assert answer.json()["body"] == {"name": "n", "questions": [], "target": None}


@pytest.mark.parametrize(
    ("body", "path", "reason"),
    [
        ({}, "name", "required"),
        ({"name": 7}, "name", "input should be a valid string"),
        ({"name": "n", "questions": [{"weight": 1}]}, "questions[0].kind", "required"),
        (
            {"name": "n", "questions": [{"kind": "csi"}, {"kind": "csi", "weight": "x"}]},
            "questions[1].weight",
            "input should be a valid integer, unable to parse string as an integer",
        ),
        (
            {"name": "n", "target": {"ru": "x"}},
            "target.ru",
            "input should be a valid integer, unable to parse string as an integer",
        ),
    ],
)
async def test_a_wrong_type_is_named_by_its_path(
    client: httpx.AsyncClient, body: object, path: str, reason: str
) -> None:
    answer = await client.post("/v1/definitions/call", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["type"], problem["status"]) == ("invalid-input", 422)
    assert {"path": path, "reason": reason} in problem["errors"]


async def test_the_value_that_was_sent_is_not_repeated(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/v1/definitions/call", json={"name": "n", "questions": "Ivanov +79161234567"}
    )
    assert answer.status_code == 422
    assert "Ivanov" not in answer.text


async def test_a_wrong_query_parameter_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/definitions/call?limit=many")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "limit"


@pytest.mark.parametrize("body", ["[]", '"text"', "null", "7"])
async def test_a_body_of_another_kind_is_invalid(client: httpx.AsyncClient, body: str) -> None:
    answer = await client.post(
        "/v1/definitions/call", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == ""


async def test_malformed_json_is_told_by_line_and_column(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/v1/definitions/call",
        content='{"name": "n",\n "questions": }',
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 400
    problem = answer.json()
    assert (problem["type"], problem["line"], problem["column"]) == ("malformed-json", 2, 15)


@pytest.mark.parametrize(
    "body",
    [b'{"name": NaN}', b'{"name": "\xff"}', b'{"name": ' + b"[" * 900, b"{'name': 1}", b"\x00"],
)
async def test_what_is_no_json_is_malformed(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post(
        "/v1/definitions/call", content=body, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["type"]) == (400, "malformed-json")


def test_a_number_of_thousands_of_digits_is_malformed() -> None:
    with pytest.raises(MalformedJson, match="too long"):
        parse(b'{"vip": ' + b"9" * 5000 + b"}")


async def test_nul_and_lone_surrogates_are_taken_out_of_bodies(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/v1/definitions/call",
        content=r'{"name": "a\u0000b\ud800c\ud83d\ude00", "questions": [{"ki\u0000nd": "\udfffx"}]}',
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 201
    assert answer.json()["body"]["name"] == "abc😀"
    assert answer.json()["body"]["questions"] == [{"kind": "x", "weight": 1}]


async def test_the_bytes_that_were_sent_stay_readable_for_signatures(
    client: httpx.AsyncClient,
) -> None:
    sent = r'{"text":  "a\u0000b"}'
    answer = await client.post(
        "/v1/raw", content=sent, headers={"content-type": "application/json"}
    )
    assert answer.json() == {"read": '{"text": "ab"}', "sent": sent}


async def test_nul_is_taken_out_of_forms(client: httpx.AsyncClient) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = await client.post("/v1/raw", content="a=1%00&b=2", headers=form)
    assert answer.json() == {"read": "a=1&b=2", "sent": "a=1%00&b=2"}


async def test_nul_is_taken_out_of_queries(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/definitions/call?q=a%00b")
    assert answer.json()["q"] == "ab"


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/json"])
async def test_a_streamed_file_is_not_touched(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.post("/v1/files", content=b"\x00" * 5000, headers={"content-type": kind})
    expected = {"application/json": 400, "application/octet-stream": 200}
    assert answer.status_code == expected[kind]


async def test_a_configuration_may_be_larger_than_other_bodies(client: httpx.AsyncClient) -> None:
    answer = await client.put("/v1/config", json={"skills": ["s" * 5000]})
    assert answer.status_code == 404  # this app has none; but nobody called it too large


async def test_a_body_over_the_limit_is_refused_by_its_length(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/definitions/call", json={"name": "n" * 1000})
    assert answer.status_code == 413
    assert answer.json()["type"] == "too-large"


async def _chunks(count: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
@pytest.mark.parametrize("path", ["/v1/definitions/call", "/v1/raw"])
async def test_a_body_over_the_limit_is_refused_while_it_streams(
    client: httpx.AsyncClient, kind: str, path: str
) -> None:
    answer = await client.post(path, content=_chunks(20, 100), headers={"content-type": kind})
    assert (answer.status_code, answer.json()["type"]) == (413, "too-large")


async def test_a_route_with_its_own_limit_takes_more(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/files", content=_chunks(99, 1000))
    assert answer.json() == {"bytes": 99_000}
    assert (await client.post("/v1/files", content=_chunks(101, 1000))).status_code == 413


async def test_a_problem_keeps_its_members(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/problems/conflict")
    assert answer.status_code == 409
    assert answer.json() == {
        "type": "conflict",
        "title": "Not possible in the present state",
        "status": 409,
        "detail": "not now",
        "allowed": ["resume"],
        "level": 2,
    }


async def test_a_service_has_problems_of_its_own(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/problems/agent")
    assert (answer.status_code, answer.json()["type"]) == (403, "unknown-agent")


async def test_a_crash_is_a_problem_that_tells_nothing(client: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        answer = await client.get("/v1/problems/crash")
    assert answer.status_code == 500
    assert answer.json() == {
        "type": "internal-error",
        "title": "Internal error",
        "status": 500,
        "detail": "Internal error",
    }
    assert [line["event"] for line in lines] == ["http.failed", "http.request"]


async def test_while_the_database_is_away_the_answer_is_not_ready(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/v1/problems/away")
    assert (answer.status_code, answer.json()["type"]) == (503, "not-ready")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/definitions", "/v1/definitions/call/"])
async def test_an_unknown_path_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (404, "not-found")


async def test_a_wrong_method_is_told_the_right_ones(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/v1/definitions/call")
    assert answer.status_code == 405
    assert answer.json()["type"] == "method-not-allowed"
    assert answer.json()["allowed"] == ["GET", "POST"]
    assert answer.headers["allow"] == "GET, POST"


async def test_a_request_without_token_is_unauthorized(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/me")
    assert (answer.status_code, answer.json()["type"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_caller_is_who_the_token_says(
    client: httpx.AsyncClient, issuer: LocalIssuer
) -> None:
    token = issuer.token(subject="op7", roles=["insurer"], insurer="ins7")
    answer = await client.get("/v1/me", headers=bearer(token))
    assert answer.json() == {"subject": "op7", "roles": ["insurer"], "insurer": "ins7"}


async def test_another_role_is_forbidden(client: httpx.AsyncClient, issuer: LocalIssuer) -> None:
    agent = issuer.token(subject="a1", roles=["agent"])
    floor = issuer.token(subject="s1", roles=["supervisor", "floor"])
    answer = await client.get("/v1/admin", headers=bearer(agent))
    assert (answer.status_code, answer.json()["type"]) == (403, "forbidden")
    assert (await client.get("/v1/admin", headers=bearer(floor))).json() == "s1"


async def test_a_request_has_one_line_without_its_ids(
    client: httpx.AsyncClient, issuer: LocalIssuer
) -> None:
    token = issuer.token(subject="a1", roles=["agent"])
    with capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        await client.get("/v1/definitions/t-123?q=Ivanov")
        await client.get("/v1/me", headers=bearer(token))
    assert [
        (line["event"], line["method"], line["route"], line["status"], line["subject"])
        for line in lines
    ] == [
        ("http.request", "GET", "/v1/definitions/{key}", 200, None),
        ("http.request", "GET", "/v1/me", 200, "a1"),
    ]
    assert {line["service"] for line in lines} == {"surveys"}
    assert "t-123" not in repr(lines)


async def test_the_request_id_comes_back(client: httpx.AsyncClient) -> None:
    given = await client.get("/v1/nothing", headers={"x-request-id": "abc-1"})
    made = await client.get("/v1/nothing")
    wild = await client.get("/v1/nothing", headers={"x-request-id": "a b" * 40})
    assert given.headers["x-request-id"] == "abc-1"
    assert made.headers["x-request-id"] == "r-1"
    assert wild.headers["x-request-id"] == "r-2"


async def test_no_proxy_keeps_an_answer(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/definitions/call")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_requests_are_counted_by_route(
    client: httpx.AsyncClient, metrics: MetricsRegistry
) -> None:
    await client.get("/v1/definitions/t-1")
    await client.get("/v1/definitions/t-2")
    await client.get("/v1/none/of/it")
    await client.request("BREW", "/v1/none/of/it")

    def requests(method: str, route: str, status: str) -> float:
        return metrics.value("http_requests_total", method=method, route=route, status=status)

    assert requests("GET", "/v1/definitions/{key}", "200") == 2
    assert requests("GET", "unmatched", "404") == 1
    assert requests("OTHER", "unmatched", "404") == 1
    assert metrics.value("http_request_seconds_count", route="/v1/definitions/{key}") == 2


async def test_metrics_are_served_as_text(client: httpx.AsyncClient) -> None:
    await client.get("/healthz")
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert (
        'careline_surveys_http_requests_total{method="GET",route="/healthz",status="200"} 1.0'
        in answer.text
    )
    assert "process_resident_memory_bytes" in answer.text


async def test_a_service_that_starts_answers_only_for_its_health(
    client: httpx.AsyncClient, readiness: Readiness
) -> None:
    readiness.need("started")
    assert (await client.get("/healthz")).json() == {"status": "alive"}
    waiting = await client.get("/readyz")
    assert waiting.status_code == 503
    assert waiting.json() == {"status": "waiting", "reasons": {"started": "not yet"}}
    answer = await client.get("/v1/definitions/call")
    assert (answer.status_code, answer.json()["type"]) == (503, "not-ready")
    readiness.met("started")
    readiness.unmet("broker", "away")
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/v1/definitions/call")).status_code == 200
    readiness.met("broker")
    assert (await client.get("/readyz")).json() == {"status": "ready"}


class Peer:
    """The client's side of a WebSocket handshake."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def connect(self, app: FastAPI, path: str, *, denials: bool) -> list[dict[str, Any]]:
        extensions: dict[str, Any] = {"websocket.http.response": {}} if denials else {}
        scope = {"type": "websocket", "path": path, "headers": [], "extensions": extensions}
        await app(scope | {"query_string": b"", "subprotocols": []}, self.receive, self.send)
        return self.sent


async def test_a_socket_is_refused_with_the_problem(app: FastAPI) -> None:
    with capture_logs() as lines:
        start, body, *_ = await Peer().connect(app, "/v1/ws/before", denials=True)
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 403)
    assert b"unknown-agent" in body["body"]
    assert lines[0]["route"] == "/v1/ws/{when}"
    (closed,) = await Peer().connect(app, "/v1/ws/before", denials=False)
    assert (closed["type"], closed["code"]) == ("websocket.close", 1008)
    accepted, closed = await Peer().connect(app, "/v1/ws/after", denials=True)
    assert accepted["type"] == "websocket.accept"
    assert (closed["code"], closed["reason"]) == (1008, "unknown-agent")


async def test_a_socket_waits_for_the_service_to_start(app: FastAPI, readiness: Readiness) -> None:
    readiness.need("started")
    (closed,) = await Peer().connect(app, "/v1/ws/before", denials=True)
    assert (closed["code"], closed["reason"]) == (1013, "not-ready")


async def test_openapi_tells_of_problems_and_tokens(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    operation = document["paths"]["/v1/definitions/{key}"]["post"]
    assert list(operation["responses"]["422"]["content"]) == ["application/problem+json"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert document["paths"]["/v1/me"]["get"]["security"] == [{"HTTPBearer": []}]
    assert (await client.get("/docs")).status_code == 200
