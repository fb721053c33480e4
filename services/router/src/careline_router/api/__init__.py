"""The router's HTTP and WebSocket API: one module a resource, each thin."""

from fastapi import APIRouter, FastAPI
from starlette.responses import JSONResponse

from careline_common.clock import Clock
from careline_common.config import ConfigStore
from careline_common.http.app import add_router
from careline_common.http.signed import SignedCallbacks
from careline_common.ids import Ids
from careline_common.observability.metrics import MetricsRegistry
from careline_router.api import (
    agent_socket,
    agents,
    agents_me,
    appointments,
    bots,
    calendar_imports,
    callbacks,
    calls,
    conversion,
    customers,
    emergency,
    first_contact,
    flows,
    forecast,
    insurance,
    looks,
    offers,
    pbx_commands,
    pbx_events,
    pbxs,
    persons,
    queues,
    reports,
    route,
    self_service,
    sites,
    supervisors,
    work,
)
from careline_router.api.configuration import configuration_routers
from careline_router.api.queue_stats import QueueStats
from careline_router.api.tickets import SocketTickets
from careline_router.service import RouterService
from careline_router.usecases.calendar_imports import CalendarImports
from careline_router.usecases.flow_trials import FlowTrials
from careline_router.usecases.flows import FlowOffice


def routers() -> tuple[APIRouter, ...]:
    """All routes, in the order in which they must be tried: `/agents/me` before `/agents/{id}`."""
    return (
        pbx_events.router,
        pbx_commands.router,
        route.router,
        agents_me.router,
        agent_socket.router,
        offers.router,
        work.router,
        calls.router,
        customers.router,
        appointments.router,
        insurance.router,
        bots.router,
        self_service.router,
        callbacks.router,
        queues.router,
        agents.router,
        emergency.router,
        flows.router,
        pbxs.router,
        sites.router,
        supervisors.router,
        reports.router,
        conversion.router,
        first_contact.router,
        forecast.router,
        persons.router,
        looks.router,
        calendar_imports.router,
        *configuration_routers(),
    )


def install(
    app: FastAPI,
    *,
    service: RouterService,
    store: ConfigStore,
    clock: Clock,
    ids: Ids,
    metrics: MetricsRegistry,
) -> None:
    """Gives the app its routes and what they work with."""
    app.state.service = service
    app.state.config_store = store
    app.state.clock = clock
    app.state.callbacks = SignedCallbacks(clock=clock, metrics=metrics)
    app.state.tickets = SocketTickets(clock)
    app.state.flows = FlowOffice(store=store, database=store.database, clock=clock)
    app.state.flow_trials = FlowTrials(store=store, database=store.database, clock=clock)
    app.state.calendar_imports = CalendarImports(
        store=store, database=store.database, clock=clock, ids=ids
    )
    app.state.queue_stats = QueueStats(service.queries, clock)
    for router in routers():
        add_router(app, router)

    @app.get("/leaderz", include_in_schema=False)
    async def leaderz() -> JSONResponse:
        if service.leads:
            return JSONResponse({"status": "leading"})
        return JSONResponse({"status": "standing by"}, 503)
