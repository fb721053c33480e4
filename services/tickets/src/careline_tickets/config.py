"""What the journal takes from the configuration file, and what it makes of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from careline_common import config as common
from careline_common.config import ConfigModel, Configuration, Fault, Id, Section
from careline_common.config.calendar import DAYS, parse_windows
from careline_tickets.domain.calendars import Calendar, Span, Window, Windows
from careline_tickets.domain.clocks import DEFAULT, ClockKind, DeadlineRule, Policy, policy_for
from careline_tickets.domain.policies import make_policy
from careline_tickets.domain.vocabulary import Kind


def _check_span(text: str) -> str:
    Span.parse(text)
    return text


SpanText = Annotated[str, AfterValidator(_check_span)]


class Deadline(ConfigModel):
    """Promises to the citizen: a span for each clock, for the appeals that fit the conditions."""

    id: Id
    calendar: Id
    clocks: dict[ClockKind, SpanText] = Field(min_length=1)
    kinds: list[Kind] = Field(default_factory=list)
    subjects: list[Id] = Field(default_factory=list)
    insurers: list[Id] = Field(default_factory=list)

    @model_validator(mode="after")
    def _default_fits_all(self) -> Self:
        if self.id == DEFAULT and (self.kinds or self.subjects or self.insurers):
            raise ValueError("default holds for all the others: it names no conditions")
        return self


SECTIONS: tuple[Section, ...] = (
    Section("calendars", common.Calendar),
    Section("subjects", common.Subject),
    Section("groups", common.Group),
    Section("territories", common.Territory),
    Section("organisations", common.Organisation),
    Section("insurers", common.Insurer),
    Section("users", common.User),
    Section("deadlines", Deadline),
)


def cross_check(configuration: Configuration) -> Iterator[Fault]:
    """What only shows when entries are held against each other."""
    has = configuration.has
    for name, subject in configuration.all("subjects", common.Subject).items():
        if subject.group is not None and not has("groups", subject.group):
            yield Fault("subjects", name, "group", f"there is no group {subject.group!r}")
    for name, organisation in configuration.all("organisations", common.Organisation).items():
        if organisation.territory is not None and not has("territories", organisation.territory):
            reason = f"there is no territory {organisation.territory!r}"
            yield Fault("organisations", name, "territory", reason)
    for name, user in configuration.all("users", common.User).items():
        if user.insurer is not None and not has("insurers", user.insurer):
            yield Fault("users", name, "insurer", f"there is no insurer {user.insurer!r}")
    for name, deadline in configuration.all("deadlines", Deadline).items():
        yield from _check_deadline(configuration, name, deadline)


def _check_deadline(configuration: Configuration, name: str, deadline: Deadline) -> Iterator[Fault]:
    if not configuration.has("calendars", deadline.calendar):
        reason = f"there is no calendar {deadline.calendar!r}"
        yield Fault("deadlines", name, "calendar", reason)
    for section, ids in (("subjects", deadline.subjects), ("insurers", deadline.insurers)):
        for index, named in enumerate(ids):
            if not configuration.has(section, named):
                reason = f"there is no such entry in {section}: {named!r}"
                yield Fault("deadlines", name, f"{section}[{index}]", reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The configuration as the journal works with it."""

    deadlines: tuple[DeadlineRule, ...] = ()
    subjects: dict[str, common.Subject] = field(default_factory=dict)
    groups: dict[str, common.Group] = field(default_factory=dict)
    insurers: frozenset[str] = frozenset()
    users: dict[str, common.User] = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """The default calendar's: in it the journal counts days."""

    @classmethod
    def of(cls, configuration: Configuration) -> Self:
        calendars = configuration.all("calendars", common.Calendar)
        working = {name: working_time(calendar) for name, calendar in calendars.items()}
        deadlines = configuration.all("deadlines", Deadline)
        return cls(
            deadlines=tuple(
                _rule(name, deadline, working[deadline.calendar])
                for name, deadline in deadlines.items()
                if deadline.calendar in working
            ),
            subjects=configuration.all("subjects", common.Subject),
            groups=configuration.all("groups", common.Group),
            insurers=frozenset(configuration.all("insurers", common.Insurer)),
            users=configuration.all("users", common.User),
            zone=_default_zone(calendars, deadlines.get(DEFAULT)),
        )

    def policy(self, *, kind: str, subject: str | None, insurer: str | None) -> Policy | None:
        """What is promised for a new appeal."""
        return policy_for(self.deadlines, kind=kind, subject=subject, insurer=insurer)


def _default_zone(calendars: dict[str, common.Calendar], default: Deadline | None) -> ZoneInfo:
    """The zone of the calendar that `default` deadlines use, else of the first calendar."""
    if default is not None and default.calendar in calendars:
        return ZoneInfo(calendars[default.calendar].zone)
    first = next(iter(calendars.values()), None)
    return ZoneInfo("UTC" if first is None else first.zone)


def working_time(calendar: common.Calendar) -> Calendar:
    """A calendar of the configuration as the domain counts with it."""
    special = {*calendar.closed, *calendar.working}
    return Calendar(
        zone=calendar.zone,
        weekly=tuple(_windows(parse_windows(calendar.weekly.get(day, []))) for day in DAYS),
        special={day: _windows(calendar.windows_on(day)) for day in sorted(special)},
    )


def _windows(windows: tuple[common.Window, ...]) -> Windows:
    return tuple(
        Window(start=timedelta(minutes=window.start), end=timedelta(minutes=window.end))
        for window in windows
    )


def _rule(name: str, deadline: Deadline, calendar: Calendar) -> DeadlineRule:
    spans = {kind: Span.parse(text) for kind, text in deadline.clocks.items()}
    return DeadlineRule(
        name=name,
        policy=make_policy(calendar, spans),
        kinds=frozenset(map(str, deadline.kinds)),
        subjects=frozenset(deadline.subjects),
        insurers=frozenset(deadline.insurers),
    )
