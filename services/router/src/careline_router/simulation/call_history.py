"""A call's day out of the journal: when it came, how long it waited, and how long it took."""

from dataclasses import replace

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.words import Kind
from careline_router.simulation.past import Ending, PastCall

BEYOND_S = 60.0
"""A talk or a wrap-up that the end of the journal cuts lasts so much longer: beyond all that is played."""


class CallHistory:
    """Follows one item of work from its place in a queue to the end of its wrap-up. A callback that
    a caller took instead of waiting is followed as part of his call. Every method takes the time."""

    def __init__(
        self,
        request: cmd.QueueCall | cmd.RequestCallback,
        *,
        at: float,
        kind: Kind,
        line: str,
    ) -> None:
        self.request, self.at, self._kind, self._line = request, at, kind, line
        self.callback: ev.CallbackMade | None = None
        self._ending: Ending = "waiting"
        self._ended_at: float | None = None
        self._over = False
        self._offered_at = at
        self._answer_s: float | None = None
        self._talked_s = 0.0
        self._talks_since: float | None = None
        self._wrap_up_s: float | None = None
        self._asked = False
        self._dialled_at, self._dials = at, False
        self._dial_s: float | None = None
        self._reached: bool | None = None

    @property
    def waits(self) -> bool:
        """Whether it has still to be given to somebody."""
        return self._ending == "waiting"

    @property
    def is_over(self) -> bool:
        return self._over

    def close(self, now: float) -> PastCall:
        ended_at = now if self._ended_at is None else self._ended_at
        waited_s = ended_at - self.at
        if self._talks_since is not None:
            self.paused(now + BEYOND_S)
        handled = self._talked_s > 0 and self._ending != "waiting"
        return PastCall(
            id=self.request.call_id,
            at=self.at,
            kind=self._kind,
            line=self._line,
            request=self.request,
            ending=self._ending,
            waited_s=waited_s,
            answer_s=self._answer_s,
            talk_s=self._talked_s if handled else None,
            wrap_up_s=(self._wrap_up_s or 0.0) if handled else None,
            patience_s=waited_s if self._ending in {"abandoned", "removed"} else None,
            accepts=self._ending == "callback" if self._asked else None,
            reached=self._reached,
            dial_s=self._dial_s,
        )

    # -- events --------------------------------------------------------------------------------

    def offered(self, now: float) -> None:
        self._offered_at = now

    def connected(self, now: float) -> None:
        self._answer_s = now - self._offered_at
        self._ending, self._ended_at, self._talks_since = "answered", now, now

    def requeued(self, now: float) -> None:
        """The agent dropped out: the caller waits again, and takes his time again."""
        self.paused(now)
        self._ending, self._ended_at = "waiting", None

    def paused(self, now: float) -> None:
        if self._talks_since is not None:
            self._talked_s += now - self._talks_since
        self._talks_since = None

    def resumed(self, now: float) -> None:
        self._talks_since = now

    def asked(self) -> None:
        """A callback was offered."""
        self._asked = True

    def called_back(self, made: ev.CallbackMade) -> None:
        self.callback = made

    def dialled(self, now: float) -> None:
        self._answer_s = now - self._offered_at
        self._dialled_at, self._dials = now, True
        if self._kind == "callback":
            self._ending, self._ended_at = "answered", now

    def dial_ended(self, event: ev.DialEnded, now: float) -> None:
        self._dial_over(now, reached=event.reached)
        if event.reached:
            self._talks_since = now
        elif self._kind == "callback":
            self._ending, self._ended_at = "waiting", None

    def _dial_over(self, now: float, *, reached: bool) -> None:
        self._dial_s, self._reached, self._dials = now - self._dialled_at, reached, False

    def ended(self, event: ev.CallEnded, now: float) -> None:
        if self._dials:  # the last try was in vain
            self._dial_over(now, reached=False)
        self.paused(now)
        self._over = self.callback is None or event.call_id == self.callback.call_id
        if self._ending != "waiting":
            return
        self._ended_at = now
        if event.outcome == "callback":
            self._ending = "callback"
        else:
            self._ending = "abandoned" if event.outcome == "abandoned" else "removed"

    def wrapped_up(self, seconds: float) -> None:
        self._wrap_up_s = seconds


def queued(event: ev.CallQueued, now: float, origin: float) -> cmd.QueueCall:
    """The command that queued the call."""
    held = event.preferred_until
    return cmd.QueueCall(
        call_id=event.call_id,
        queue=event.queue,
        skills=event.skills,
        priority=event.priority,
        payer=event.payer,
        insurance=event.insurance,
        language=event.language,
        flow=event.flow,
        flow_version=event.flow_version,
        crm=event.crm,
        person=event.person,
        due_at=None if event.due_at is None else event.due_at - origin,
        preferred=event.preferred,
        preferred_for_s=0.0 if held is None else held - origin - now,
        # who left by a way out is removed when he was: the key that he pressed is not played
        terms=replace(event.terms, ways_out=()),
    )


def to_call_back(event: ev.CallbackMade, origin: float) -> cmd.RequestCallback:
    """The command that would have made the callback."""
    later = event.not_before
    return cmd.RequestCallback(
        call_id=event.call_id,
        pbx="replay",
        line=event.line,
        queue=event.queue,
        skills=event.skills,
        priority=event.priority,
        person=event.person or event.call_id,
        origin=event.origin,
        payer=event.payer,
        mode=event.mode,
        not_before=None if later is None else later - origin,
        utc_offset_s=event.utc_offset_s,
    )
