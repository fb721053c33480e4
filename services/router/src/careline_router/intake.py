"""From an announced call to where it goes: its line, its flow, its CRM profile."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from careline_common.clock import Clock
from careline_common.config.calendar import zone_of
from careline_common.config.models import Line
from careline_common.phones import parse_phone, time_zones_of
from careline_router.adapters.crm import make_crm
from careline_router.adapters.crm_exchange import Pauses
from careline_router.adapters.crm_null import NullCrm
from careline_router.crm_config import CrmEntry
from careline_router.domain.commands import QueueCall
from careline_router.domain.flows import Flow, preferred_agent, priority_of
from careline_router.domain.prompts import hearing
from careline_router.domain.words import LineState
from careline_router.floorplan import FloorPlan
from careline_router.metrics import RouterMetrics
from careline_router.ports import Appeals, Crm, CrmProfile, Surges
from careline_router.runtime.contacts import Contact

WITHHELD = frozenset({"", "anonymous", "unknown", "unavailable", "restricted", "private"})
LONGEST_CALLER = 100


def contact_of(
    caller: str | None, attributes: Mapping[str, Any], *, region: str | None = None
) -> Contact:
    """The caller as the PBX names him, his number as E.164 where it is one.

    A number without `+` is read first as people dial it in `region`, the country of the called line:
    84951234567 on a Russian line is Moscow and not Vietnam. Then as E.164 that has lost its `+`.
    """
    text = (caller or "").strip()[:LONGEST_CALLER]
    if text.lower() in WITHHELD:
        return Contact(attributes=attributes)
    for written in (text, f"+{text}"):
        try:
            phone = parse_phone(written, region)
        except ValueError:
            continue
        return Contact(phone=phone, is_number=True, attributes=attributes)
    return Contact(phone=text, is_number=False, attributes=attributes)


NO_LOAD: Mapping[str, Any] = {}
NO_APPEALS = Appeals()
NO_SURGES = Surges()


def facts_of(
    line: Line,
    profile: CrmProfile,
    ivr: Mapping[str, Any],
    *,
    at: datetime,
    opening: LineState,
    load: Mapping[str, Any] = NO_LOAD,
    appeals: Appeals = NO_APPEALS,
    surges: Surges = NO_SURGES,
) -> dict[str, Any]:
    """What conditions may look at."""
    return {
        "crm": {
            **profile.facts(),
            "dialect": profile.dialect,
            "needs": list(profile.needs),
            "age": profile.age(at.date()),
        },
        "call": {"line": line.number, "language": line.language},
        "line": {"number": line.number, "name": line.name, "language": line.language},
        "ivr": dict(ivr),
        "time": _time_facts(at, line.zone),
        "calendar": {"state": opening},
        "load": load,
        "appeals": {"open": appeals.open, "last": appeals.last},
        "surge": surges.facts(),
    }


def hears_of(flow: Flow, line: Line, profile: CrmProfile, at: datetime) -> str | None:
    """The tag by which what a caller hears is chosen: his language or else the line's, his dialect, his pace."""
    slow = flow.is_slow(frozenset(profile.needs), profile.age(at.date()))
    return hearing(profile.language or line.language, profile.dialect, slow=slow)


class Intake:
    """Decides where calls go. The CRM is asked outside of any transaction."""

    def __init__(self, *, clock: Clock, metrics: RouterMetrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._crm: Crm = NullCrm()
        self._crm_entry: CrmEntry | None = None
        self._pauses = Pauses(clock)

    async def use(self, plan: FloorPlan) -> None:
        """Takes the CRM of a new configuration; with the old one goes all that it remembers."""
        if plan.crm != self._crm_entry:
            old, self._crm = self._crm, make_crm(plan.crm, self._clock, self._pauses, self._asked)
            self._crm_entry = plan.crm
            await old.close()

    async def profile(self, contact: Contact) -> CrmProfile:
        """Who the caller is; the deadline of the CRM at most."""
        number = contact.number
        profile = CrmProfile(status="unknown", reason="no_number")
        if number is not None:
            profile = await self._crm.look_up(number)
        self._metrics.crm.labels(profile.status, profile.reason or "none").inc()
        return profile

    def _asked(self, ending: str) -> None:
        self._metrics.crm_requests.labels(ending).inc()

    def destination(
        self,
        plan: FloorPlan,
        line: Line,
        call_id: str,
        profile: CrmProfile,
        ivr: Mapping[str, Any],
        *,
        person: str | None,
        opening: LineState = "open",
        load: Mapping[str, Any] = NO_LOAD,
        appeals: Appeals = NO_APPEALS,
        surges: Surges = NO_SURGES,
    ) -> QueueCall | None:
        """Where the flow of its line sends a call; None when the line is not open.

        `person` is the caller as the floor knows him, `load` how full its queues are, `appeals`
        what is known of his appeals: who has an open one is waited for, where the CRM names nobody.
        `surges` are those of appeals that are open.
        """
        flow = plan.flows[line.flow]
        facts = facts_of(
            line,
            profile,
            ivr,
            at=self._clock.now(),
            opening=opening,
            load=load,
            appeals=appeals,
            surges=surges,
        )
        branch = flow.branch_for(facts, opening)
        if branch is None:
            return None
        preferred, preferred_for_s = preferred_agent(
            branch, owner=profile.owner or appeals.owner, last_agent=profile.last_agent
        )
        hears = hears_of(flow, line, profile, self._clock.now())
        return QueueCall(
            call_id=call_id,
            queue=branch.queue,
            skills=flow.skills_for(branch, profile.needs),
            priority=priority_of(branch, profile.payer),
            payer=profile.payer,
            insurance=profile.insurance,
            language=profile.language or line.language,
            flow=flow.id,
            flow_version=flow.version,
            crm=profile.facts(),
            person=person,
            preferred=preferred,
            preferred_for_s=preferred_for_s,
            hears=hears,
            media=branch.heard(hears),
            offers_callback=branch.callback,
            terms=branch.terms,
        )

    async def close(self) -> None:
        await self._crm.close()


def utc_offset_s(number: str | None, line: Line | None, at: datetime) -> float:
    """How far the caller's clock is from UTC: in the zone of his number, else of the line, else 0.

    A number of which only the country is known may be in several zones, and tells nothing then.
    """
    zones = () if number is None else time_zones_of(number)
    offsets = {_offset_s(zone, at) for zone in zones}
    if len(offsets) == 1:
        return offsets.pop()
    return 0.0 if line is None or line.zone is None else _offset_s(line.zone, at)


def _offset_s(zone: str, at: datetime) -> float:
    offset = at.astimezone(zone_of(zone)).utcoffset()
    return 0.0 if offset is None else offset.total_seconds()


def _time_facts(now: datetime, zone: str | None) -> dict[str, Any]:
    """The hour, minute, weekday (1 is Monday) and date where the line is; UTC without a zone."""
    local = now.astimezone(zone_of(zone or "UTC"))
    return {
        "hour": local.hour,
        "minute": local.minute,
        "weekday": local.isoweekday(),
        "date": local.date().isoformat(),
    }
