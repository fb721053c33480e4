"""An agent's day out of the journal: when he came and went, and which offers he did not take."""

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.simulation.past import Act, PastAgent, Refusal
from careline_router.simulation.roster import Interval

ENDPOINT = "replay"


class AgentHistory:
    """Follows one agent's events. Every method takes the time and the place in the journal."""

    def __init__(self, agent_id: str, start: float) -> None:
        self._id, self._start = agent_id, start
        self._logged_in = False
        self._site: str | None = None
        self._state = "away"
        """Or `idle`, `reserved`, `busy`."""
        self._idle_since = (0.0, 0)
        self._planned = False
        self._offered_at = 0.0
        self._came: float | None = None
        self._acts: list[Act] = []
        self._refusals: list[Refusal] = []
        self._presence: list[Interval] = []

    def open(self) -> None:
        """The day begins: what came before counts only as the state in which he is now.

        Who is at a call that is not played comes when he is done with it.
        """
        self._acts, self._refusals, self._presence, self._came = [], [], [], None
        if self._logged_in:
            self._act(0.0, 0, cmd.LogIn(agent_id=self._id, endpoint=ENDPOINT, site=self._site))
        if self._state in {"idle", "reserved"}:
            self._come(*self._idle_since)
        else:
            self._state, self._planned = "away", False

    def close(self, now: float) -> PastAgent:
        self._gone(now)
        return PastAgent(
            id=self._id,
            acts=tuple(self._acts),
            refusals=tuple(self._refusals),
            presence=tuple(self._presence),
        )

    # -- events --------------------------------------------------------------------------------

    def logged_in(self, event: ev.AgentLoggedIn, now: float, order: int) -> None:
        self._logged_in, self._site = True, event.site
        self._act(now, order, cmd.LogIn(agent_id=self._id, endpoint=ENDPOINT, site=event.site))

    def changed(self, event: ev.AgentStateChanged, now: float, order: int) -> None:
        match event.state:
            case "ready":
                self._ready(event, now, order)
            case "not_ready":
                self._not_ready(event.reason, now, order)
            case "logged_out":
                self._logged_in = False
                self._act(now, order, cmd.LogOut(agent_id=self._id))
                self._away(now)
            case _:
                self._work()

    def planned(self, event: ev.RestPlanned, now: float, order: int) -> None:
        self._planned = event.reason is not None
        if event.reason is None:
            self._come(now, order)
        else:
            self._act(now, order, cmd.SetNotReady(agent_id=self._id, reason=event.reason))
            self._gone(now)

    def offered(self, _event: ev.OfferMade, now: float, order: int) -> None:
        if self._state == "away":  # he came before what was read
            self._come(min(self._start, now), order)
        self._state, self._offered_at = "reserved", now

    def offer_closed(self, event: ev.OfferClosed, now: float, _order: int) -> None:
        self._refusals.append(Refusal(self._offered_at, now, event.end))

    def took(self, _event: ev.CallConnected | ev.DialRequested, _now: float, _order: int) -> None:
        self._work()

    def resumed(self, _event: ev.WorkResumed, now: float, order: int) -> None:
        if self._state == "away":
            self._come(now, order)
        self._state, self._planned = "busy", False

    # -- what they mean ------------------------------------------------------------------------

    def _ready(self, event: ev.AgentStateChanged, now: float, order: int) -> None:
        if self._state == "away":
            self._come(now, order)
        if not event.keeps_idle:
            self._idle_since = (now, order)
        self._state, self._planned = "idle", False

    def _not_ready(self, reason: str | None, now: float, order: int) -> None:
        """A rest that was planned has had its command; who has just logged in gives no reason."""
        if not self._planned and (self._state != "away" or reason is not None):
            rest = cmd.SetNotReady(agent_id=self._id, reason=reason or "not_ready")
            self._act(now, order, rest)
        self._away(now)

    def _work(self) -> None:
        if self._state != "away":
            self._state = "busy"

    def _away(self, now: float) -> None:
        self._gone(now)
        self._state, self._planned = "away", False

    def _come(self, now: float, order: int) -> None:
        self._act(now, order, cmd.SetReady(agent_id=self._id))
        if self._came is None:
            self._came = now

    def _gone(self, now: float) -> None:
        if self._came is not None and now > self._came:
            self._presence.append((self._came, now))
        self._came = None

    def _act(self, now: float, order: int, command: cmd.Command) -> None:
        self._acts.append((now, order, command))
