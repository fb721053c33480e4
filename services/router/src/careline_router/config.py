"""The sections of the configuration file that the router owns, and what must fit together."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from careline_common.config.calendar import Calendar
from careline_common.config.entries import Configuration
from careline_common.config.models import (
    AgentEntry,
    ConfigModel,
    HttpAddress,
    Id,
    Line,
    PhoneNumber,
    PlainEntry,
    Team,
    User,
    WebhookSecret,
    ZoneName,
)
from careline_common.config.section import Fault, Section
from careline_router.booking_config import BookingEntry, booking_faults
from careline_router.crm_config import CrmEntry, crm_faults
from careline_router.dial_endpoints import checked_template
from careline_router.domain.pbx_health import Patience
from careline_router.domain.specs import MAX_WAIT_S
from careline_router.domain.words import Priority
from careline_router.domain.work import JOURNAL
from careline_router.floor_config import FloorEntry, RelaxStep
from careline_router.flow_config import Branch, Flow, FlowRule, flow_faults
from careline_router.login_config import LOGIN_SECRETS
from careline_router.records_config import RecordsEntry, records_faults
from careline_router.voice_config import VoiceSurvey
from careline_router.work_config import OfferedAppeals, appeals_faults

Seconds = Annotated[float, Field(gt=0, le=86_400)]
LONGEST_POLL_S = 30.0


class Queue(ConfigModel):
    """A queue; durations in seconds. Without `dispositions` a disposition is free text, without `subjects`
    any id is one, without `no_booking_reasons` why nothing was booked is free text.

    `wrap_up_max_s` is how far an agent may extend his wrap-up; `max_wait_by_class` holds in place of
    `max_wait_s` for its classes; `recipe` says what a call needs less the longer it waits; with
    `min_idle` the queue's deferrable work goes only to agents who leave so many able ones idle.
    `voice_survey` is what an Asterisk asks by voice once the agent has gone. `appeals` are those of the journal that
    are offered to its agents beside calls.
    """

    id: Id
    name: str = ""
    target_s: Seconds = 20
    max_wait_s: Seconds = MAX_WAIT_S
    offer_timeout_s: Seconds = 15
    ring_timeout_s: Seconds = 20
    wrap_up_s: Annotated[float, Field(ge=0, le=86_400)] = 30
    wrap_up_max_s: Annotated[float, Field(ge=0, le=86_400)] = 300
    max_wait_by_class: dict[Priority, Seconds] = Field(default_factory=dict)
    recipe: Annotated[list[RelaxStep], Field(max_length=50)] = Field(default_factory=list)
    min_idle: Annotated[int, Field(ge=0)] = 0
    dispositions: list[str] = Field(default_factory=list)
    subjects: Annotated[list[Id], Field(max_length=500)] = Field(default_factory=list)
    no_booking_reasons: Annotated[list[Id], Field(max_length=100)] = Field(default_factory=list)
    voice_survey: VoiceSurvey | None = None
    appeals: OfferedAppeals | None = None


def _not_the_journal(pbx: str) -> str:
    if pbx == JOURNAL:
        raise ValueError(f"{JOURNAL} stands for the journal's appeals")
    return pbx


class Site(ConfigModel):
    """Where agents work and PBXs stand. Its day ends at midnight in `zone`, else in the first calendar's."""

    id: Id
    name: str = ""
    zone: ZoneName | None = None


def _names_one(address: str) -> str:
    if "{name}" not in address:
        raise ValueError(
            "write {name} where the recording's name belongs: https://records/{name}.wav"
        )
    return address


def _leads_to_phones(endpoint: str) -> str:
    if "{phone}" not in endpoint or "/" not in endpoint or any(map(str.isspace, endpoint)):
        raise ValueError("write an endpoint with {phone} in it: PJSIP/{phone}@to-the-other-site")
    return endpoint


class Watch(ConfigModel):
    """How long a PBX may be silent, in seconds: then it is down (`down_after_s`) until it has been heard for `up_after_s`;
    and after `lost_after_s`, counted from its last sign, its calls are lost. Null: they never are."""

    down_after_s: Annotated[float, Field(ge=2, le=86_400)] = 10  # they are looked at every second
    up_after_s: Annotated[float, Field(ge=0, le=3600)] = 5
    lost_after_s: Seconds | None = 120

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.lost_after_s is not None and self.lost_after_s < self.down_after_s:
            raise ValueError("lost_after_s may not be less than down_after_s")
        return self

    def patience(self) -> Patience:
        return Patience(
            down_after_s=self.down_after_s,
            up_after_s=self.up_after_s,
            lost_after_s=self.lost_after_s,
        )


class Pbx(ConfigModel):
    """A PBX: one that signs its events, or an Asterisk we connect to.

    An Asterisk calls people back when it has a `dial_endpoint` (`PJSIP/{number}@trunk`; `{digits}` is
    the number without its plus). They see `dial_caller_id`, else the line they had called, and their
    phone rings for `dial_timeout_s`. Where recordings can be fetched is `recording_url`, with `{name}` in it;
    else ARI gives them out, to who has its user and password.

    It stands at `site`, and rings the phones of agents of other sites by `reach`: by site, an endpoint with `{phone}`
    in it, which is what their own endpoint has after its technology.

    An Asterisk is always watched. One that signs its events is with `watch`: nobody else knows that it asks for commands
    all the time, and a poll may take 30 s.
    """

    id: Annotated[Id, AfterValidator(_not_the_journal)]
    kind: Literal["webhook", "asterisk"]
    secret: WebhookSecret | None = None
    url: HttpAddress | None = None
    app: str = "careline"
    user: str | None = None
    password: SecretStr | None = None
    dial_endpoint: Annotated[str, AfterValidator(checked_template)] | None = None
    dial_caller_id: PhoneNumber | None = None
    dial_timeout_s: Annotated[int, Field(ge=1, le=180)] = 45
    site: Id | None = None
    reach: dict[Id, Annotated[str, AfterValidator(_leads_to_phones)]] = Field(default_factory=dict)
    recording_url: Annotated[HttpAddress, AfterValidator(_names_one)] | None = None
    watch: Watch | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = ("secret",) if self.kind == "webhook" else ("url", "user", "password")
        missing = [name for name in needed if getattr(self, name) is None]
        if missing:
            raise ValueError(f"a PBX of kind {self.kind} needs {', '.join(missing)}")
        if self.reach and self.site is None:
            raise ValueError("say at which site it stands: reach is for the others")
        if self.kind == "webhook" and self.watch and self.watch.down_after_s <= LONGEST_POLL_S:
            raise ValueError(
                f"watch.down_after_s: more than {LONGEST_POLL_S:g}, for so long may a poll take"
            )
        if self.kind == "webhook" and self.dial_endpoint is not None:
            raise ValueError(
                "dial_endpoint is for an Asterisk: a PBX of kind webhook is told to dial"
            )
        return self

    def watched(self) -> Watch | None:
        """How it is watched; None: it is not."""
        return self.watch or (Watch() if self.kind == "asterisk" else None)


__all__ = ["SECTIONS", "Branch", "Flow", "FlowRule", "Pbx", "Queue", "Site", "cross_check"]

SECTIONS: tuple[Section, ...] = (
    Section("skills", PlainEntry, plain=True),
    Section("queues", Queue),
    Section("flows", Flow),
    Section("lines", Line, key="number"),
    Section("sites", Site),
    Section("teams", Team),
    Section("agents", AgentEntry),
    Section("users", User),
    Section("pbxs", Pbx, secrets=("secret", "password")),
    Section("crm", CrmEntry, singleton=True, secrets=("token", "client_secret", "ca")),
    Section("booking", BookingEntry, singleton=True, secrets=LOGIN_SECRETS),
    Section("records", RecordsEntry, singleton=True, secrets=LOGIN_SECRETS),
    Section("calendars", Calendar),
    Section("floor", FloorEntry, singleton=True),
)


def cross_check(configuration: Configuration) -> Iterable[Fault]:
    """What an entry names must be there."""
    skills = configuration.all("skills", PlainEntry)
    queues = configuration.all("queues", Queue)
    flows = configuration.all("flows", Flow)
    teams = configuration.all("teams", Team)
    for name, queue in queues.items():
        for index, step in enumerate(queue.recipe):
            for path, reason in step.faults(queues, skills):
                yield Fault("queues", name, f"recipe[{index}].{path}", reason)
    offered = {name: queue.appeals for name, queue in queues.items() if queue.appeals is not None}
    for name, path, reason in appeals_faults(offered, skills):
        yield Fault("queues", name, path, reason)
    for name, flow in flows.items():
        for path, reason in flow_faults(flow, queues=queues, skills=skills):
            yield Fault("flows", name, path, reason)
    yield from _line_faults(configuration)
    yield from _key_faults(configuration)
    for name, agent in configuration.all("agents", AgentEntry).items():
        if agent.team is not None and agent.team not in teams:
            yield Fault("agents", name, "team", f"no team {agent.team!r}")
        yield from _unknown_skills("agents", name, "skills", agent.skills, skills)
    crm = configuration.get("crm", "crm", CrmEntry)
    if crm is not None:
        yield from (Fault("crm", "crm", path, reason) for path, reason in crm_faults(crm))
    booking = configuration.get("booking", "booking", BookingEntry)
    if booking is not None:
        yield from (Fault("booking", "booking", *fault) for fault in booking_faults(booking))
    records = configuration.get("records", "records", RecordsEntry)
    if records is not None:
        yield from (Fault("records", "records", *fault) for fault in records_faults(records))
    floor = configuration.get("floor", "floor", FloorEntry)
    if floor is not None:
        yield from (Fault("floor", "floor", *fault) for fault in floor.faults(queues))


def _line_faults(configuration: Configuration) -> Iterable[Fault]:
    flows = configuration.all("flows", Flow)
    calendars = configuration.all("calendars", Calendar)
    for number, line in configuration.all("lines", Line).items():
        if line.flow not in flows:
            yield Fault("lines", number, "flow", f"no flow {line.flow!r}")
        if line.calendar is not None and line.calendar not in calendars:
            yield Fault("lines", number, "calendar", f"no calendar {line.calendar!r}")


def _key_faults(configuration: Configuration) -> Iterable[Fault]:
    """A key that takes a callback means nothing else to who waits."""
    floor = configuration.get("floor", "floor", FloorEntry)
    if floor is None or floor.callbacks is None:
        return
    taken = floor.callbacks.key
    for name, flow in configuration.all("flows", Flow).items():
        for path, branch in flow.branches():
            for inside, key in branch.keys() if branch.callback else ():
                if key == taken:
                    reason = f"key {key} takes a callback (floor.callbacks.key)"
                    yield Fault("flows", name, f"{path}.{inside}", reason)


def _unknown_skills(
    section: str, entry: str, path: str, named: Iterable[str], skills: dict[str, Any]
) -> Iterable[Fault]:
    for skill in named:
        if skill not in skills:
            yield Fault(section, entry, f"{path}.{skill}", f"no skill {skill!r}")
