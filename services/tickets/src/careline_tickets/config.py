"""What the journal takes from the configuration file, and what it makes of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from careline_common import config as common
from careline_common.config import Configuration, Fault, Section
from careline_common.config.calendar import DAYS, parse_windows
from careline_tickets.config_mail import MailboxEntry, check_mailboxes
from careline_tickets.config_notices import NoticesEntry
from careline_tickets.deadlines import Deadline, check_deadlines
from careline_tickets.departments import Department, check_departments
from careline_tickets.domain.calendars import Calendar, Window, Windows
from careline_tickets.domain.clocks import DEFAULT, DeadlineRule, Policy, policy_for

SECTIONS: tuple[Section, ...] = (
    Section("calendars", common.Calendar),
    Section("subjects", common.Subject),
    Section("groups", common.Group),
    Section("territories", common.Territory),
    Section("organisations", common.Organisation),
    Section("insurers", common.Insurer),
    Section("users", common.User),
    Section("deadlines", Deadline),
    Section("root_causes", common.PlainEntry, plain=True),
    Section("departments", Department),
    Section("mailboxes", MailboxEntry, secrets=("password",)),
    Section("notices", NoticesEntry, singleton=True),
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
    yield from check_departments(configuration)
    yield from check_deadlines(configuration)
    yield from check_mailboxes(configuration)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The configuration as the journal works with it."""

    deadlines: tuple[DeadlineRule, ...] = ()
    subjects: dict[str, common.Subject] = field(default_factory=dict)
    groups: dict[str, common.Group] = field(default_factory=dict)
    insurers: frozenset[str] = frozenset()
    root_causes: frozenset[str] = frozenset()
    users: dict[str, common.User] = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """The default calendar's: in it the journal counts days."""
    departments: dict[str, Department] = field(default_factory=dict)
    closed: frozenset[date] = frozenset()
    """Dates on which the default calendar is closed."""
    mailboxes: dict[str, MailboxEntry] = field(default_factory=dict)
    notices: NoticesEntry | None = None

    @classmethod
    def of(cls, configuration: Configuration) -> Self:
        calendars = configuration.all("calendars", common.Calendar)
        working = {name: working_time(calendar) for name, calendar in calendars.items()}
        deadlines = configuration.all("deadlines", Deadline)
        default = _default_calendar(calendars, deadlines.get(DEFAULT))
        return cls(
            deadlines=tuple(
                deadline.rule(working)
                for deadline in deadlines.values()
                if {deadline.calendar, *deadline.calendars.values()} <= working.keys()
            ),
            subjects=configuration.all("subjects", common.Subject),
            groups=configuration.all("groups", common.Group),
            insurers=frozenset(configuration.all("insurers", common.Insurer)),
            root_causes=frozenset(configuration.all("root_causes", common.PlainEntry)),
            users=configuration.all("users", common.User),
            departments=configuration.all("departments", Department),
            mailboxes=configuration.all("mailboxes", MailboxEntry),
            notices=configuration.get("notices", "notices", NoticesEntry),
            zone=ZoneInfo("UTC" if default is None else default.zone),
            closed=frozenset(() if default is None else default.closed),
        )

    def policy(
        self, *, kind: str, subject: str | None, insurer: str | None, channel: str | None = None
    ) -> Policy | None:
        """What is promised for a new appeal."""
        return policy_for(
            self.deadlines, kind=kind, subject=subject, insurer=insurer, channel=channel
        )


def _default_calendar(
    calendars: dict[str, common.Calendar], default: Deadline | None
) -> common.Calendar | None:
    """The calendar that `default` deadlines use, else the first calendar."""
    if default is not None and default.calendar in calendars:
        return calendars[default.calendar]
    return next(iter(calendars.values()), None)


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
