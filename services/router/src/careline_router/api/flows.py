"""Flows: drafts, dry runs, simulations, versions."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic_core import to_jsonable_python
from starlette.requests import HTTPConnection

from careline_common.config.marked import MarkedReader, UnreadableError
from careline_common.http.auth import Principal
from careline_common.http.etag import etag, optional_match
from careline_common.http.idempotency import Answer
from careline_common.http.json_body import raw_body, read_json
from careline_common.http.paging import Page, Paging
from careline_common.http.problem import InvalidInput, MalformedRequest, invalid
from careline_router.api.deps import Service, may, once
from careline_router.api.flow_schemas import (
    DryRunCall,
    FlowInForce,
    FlowView,
    PublishOrder,
    RollbackOrder,
    SimulationOrder,
)
from careline_router.api.permissions import Action
from careline_router.config import Flow
from careline_router.ports import Receipt
from careline_router.usecases.flow_trials import FlowTrials
from careline_router.usecases.flows import FlowOffice, FlowState

router = APIRouter(prefix="/v1/flows", tags=["flows"])

YAML = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})


async def _office(connection: HTTPConnection) -> FlowOffice:
    office: FlowOffice = connection.app.state.flows
    return office


async def _trials(connection: HTTPConnection) -> FlowTrials:
    trials: FlowTrials = connection.app.state.flow_trials
    return trials


Office = Annotated[FlowOffice, Depends(_office)]
Trials = Annotated[FlowTrials, Depends(_trials)]
Writer = Annotated[Principal, Depends(may(Action.CONFIGURE))]
reads = Depends(may(Action.READ_CONFIGURATION))

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"$ref": "#/components/schemas/Flow"}}
            for kind in ("application/json", "application/yaml")
        },
    }
}


@router.get("/schema", dependencies=[reads])
async def flow_schema() -> dict[str, Any]:
    """The JSON Schema of a flow."""
    return flow_json_schema()


def flow_json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of what `POST /v1/flows` and the configuration file take."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Flow.model_json_schema(),
    }


@router.get("", dependencies=[reads])
async def list_flows(office: Office, page: Paging) -> Page[FlowInForce]:
    """The flows in force, by id."""
    return page.by_id(
        office.in_force(), show=lambda flow: FlowInForce(id=flow.id, version=flow.version)
    )


@router.post("", status_code=201, response_model=FlowView, openapi_extra=_BODY)
async def draft_flow(request: Request, writer: Writer, office: Office) -> Response:
    """Checks a flow and keeps it as the next draft; calls are not sent by it before it is published.

    As JSON, or as YAML (`Content-Type: application/yaml`): then each fault has its line and column, and a
    key that nobody knows is one. 422 names all faults, and nothing is kept.
    """
    document, marks = await _document(request)

    async def use_case(receipt: Receipt | None) -> FlowState:
        return await office.add_draft(document, by=writer.subject, marks=marks, receipt=receipt)

    def render(state: FlowState) -> Answer:
        return _shown(state, status=201, location=f"{request.url.path}/{state.id}")

    return await once(request, writer, use_case, render=render)


async def _document(request: Request) -> tuple[dict[str, Any], dict[str, tuple[int, int]] | None]:
    body = await raw_body(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    marks = None
    if kind in YAML:
        reader = MarkedReader()
        try:
            document = reader.read(body.decode())
        except UnicodeDecodeError as error:
            raise MalformedRequest("the text is not UTF-8") from error
        except UnreadableError as error:
            found = error.finding
            raise MalformedRequest(
                f"no YAML at line {found.line}, column {found.column}: {found.reason}",
                line=found.line,
                column=found.column,
            ) from error
        if reader.findings:
            faults = [
                {"path": one.path, "reason": one.reason, "line": one.line, "column": one.column}
                for one in reader.findings
            ]
            raise InvalidInput(faults[0]["reason"], errors=faults)  # type: ignore[arg-type]
        marks = reader.marks
    else:
        document = read_json(body)
    if not isinstance(document, dict):
        raise invalid("", "give a mapping: one flow")
    return document, marks


@router.get("/{flow_id}", response_model=FlowView, dependencies=[reads])
async def one_flow(flow_id: str, office: Office) -> Response:
    """A flow: what is in force, the last draft, and every version that was."""
    return _shown(await office.state(flow_id)).response()


@router.post("/{flow_id}/dry-run", dependencies=[reads])
async def dry_run(
    flow_id: str, office: Office, trials: Trials, body: DryRunCall | None = None
) -> dict[str, Any]:
    """Where one call would go by the draft (or, without one, by what is in force), and why."""
    call = body or DryRunCall()
    flow, draft, version = await office.flow(flow_id, call.draft)
    found = trials.dry_run(flow, call.tried())
    answer: dict[str, Any] = to_jsonable_python(
        {"flow": flow_id, "draft": draft, "version": version, **found}
    )
    return answer


@router.post("/{flow_id}/simulate", dependencies=[reads])
async def simulate(
    flow_id: str, office: Office, trials: Trials, body: SimulationOrder | None = None
) -> dict[str, Any]:
    """A past day, yesterday if none is named, played with the draft beside itself."""
    order = body or SimulationOrder()
    flow, draft, version = await office.flow(flow_id, order.draft)
    report = await trials.simulate(
        flow, day=order.day, zone=order.zone, policies=tuple(order.policies)
    )
    answer: dict[str, Any] = to_jsonable_python(
        {"flow": flow_id, "draft": draft, "version": version, **report}
    )
    return answer


@router.post("/{flow_id}/publish", response_model=FlowView)
async def publish(
    flow_id: str,
    *,
    request: Request,
    writer: Writer,
    office: Office,
    service: Service,
    body: PublishOrder | None = None,
) -> Response:
    """Puts the last draft, or the one named, into force for the calls that come from now on."""
    order = body or PublishOrder()
    match = optional_match(request)

    async def use_case(receipt: Receipt | None) -> FlowState:
        state = await office.publish(
            flow_id, by=writer.subject, number=order.draft, match=match, receipt=receipt
        )
        if order.waiting == "reroute":
            await service.send_waiting_anew(flow_id)
        return state

    return await once(request, writer, use_case, render=_shown)


@router.post("/{flow_id}/rollback", response_model=FlowView)
async def roll_back(
    flow_id: str,
    *,
    request: Request,
    writer: Writer,
    office: Office,
    service: Service,
    body: RollbackOrder | None = None,
) -> Response:
    """Puts the version before the present one, or the one named, into force again."""
    order = body or RollbackOrder()
    match = optional_match(request)

    async def use_case(receipt: Receipt | None) -> FlowState:
        state = await office.roll_back(
            flow_id, by=writer.subject, to=order.version, match=match, receipt=receipt
        )
        if order.waiting == "reroute":
            await service.send_waiting_anew(flow_id)
        return state

    return await once(request, writer, use_case, render=_shown)


def _shown(state: FlowState, *, status: int = 200, location: str | None = None) -> Answer:
    return Answer.json(
        FlowView.of(state), status=status, location=location, headers={"ETag": etag(state.revision)}
    )
