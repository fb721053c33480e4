"""The journal's ways to the other services, and to whoever keeps recordings."""

from careline_common.clock import Clock
from careline_common.http.client import http_client
from careline_common.http.issuer import ServiceTokens
from careline_tickets.adapters.call_recordings import RouterRecordings
from careline_tickets.adapters.calls import RouterCalls
from careline_tickets.adapters.chance import SystemChance
from careline_tickets.adapters.comments import SurveyComments
from careline_tickets.adapters.messages import SurveyMessages
from careline_tickets.adapters.partner_recordings import IngestRecordings
from careline_tickets.adapters.records import IngestRecords
from careline_tickets.recordings import RecordingDesk
from careline_tickets.settings import TicketsSettings

CALL_LOOKUP_S = 0.5
"""Whoever registers an appeal waits no longer for what the router knows of the call."""


class Neighbours:
    """Nothing is connected before it is asked."""

    def __init__(self, settings: TicketsSettings, clock: Clock) -> None:
        router, ingest, surveys = (
            f"{url.rstrip('/')}/"
            for url in (settings.router_url, settings.ingest_url, settings.surveys_url)
        )
        tokens = ServiceTokens.from_settings(settings, subject="tickets", clock=clock)
        # what is asked in the name of who registers, with his token
        calls = http_client(router, connect_s=CALL_LOOKUP_S, read_s=CALL_LOOKUP_S)
        to_router = http_client(router, tokens=tokens)
        to_ingest = http_client(ingest, tokens=tokens)
        to_surveys = http_client(surveys, tokens=tokens)
        keepers = http_client()
        self._clients = (calls, to_router, to_ingest, to_surveys, keepers)
        self.calls = RouterCalls(calls)
        self.call_recordings = RouterRecordings(to_router)
        self.partner_recordings = IngestRecordings(to_ingest)
        self.records = IngestRecords(to_ingest)
        self.comments = SurveyComments(to_surveys)
        self.messages = SurveyMessages(to_surveys)
        self.recordings = RecordingDesk(
            keepers,
            partners=to_ingest,
            hosts=[host.strip() for host in settings.recording_hosts.split(",") if host.strip()],
            chance=SystemChance(),
        )

    async def aclose(self) -> None:
        for client in self._clients:
            await client.aclose()
