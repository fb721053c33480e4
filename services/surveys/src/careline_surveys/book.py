"""The applied configuration in the words of the domain, ready to be asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from careline_common.config import AgentEntry, Calendar, Configuration, Line, Organisation
from careline_common.phones import main_region_of
from careline_surveys.config import (
    DeadlineEntry,
    QuestionEntry,
    SurveyEntry,
    parse_quiet,
    providers_in_order,
)
from careline_surveys.config_sms import SmsEntry
from careline_surveys.domain.definitions import Branch, Definition, Question, Rules, Trigger

UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A definition as it stands now; `body` is what is kept of it for invitations under way."""

    definition: Definition
    version: int
    body: Mapping[str, Any]


def definition_of(entry: SurveyEntry) -> Definition:
    rules = entry.rules
    return Definition(
        key=entry.key,
        questions=tuple(
            Question(id=q.id, kind=q.kind, texts=q.texts, low=q.low, when=_branch_of(entry, q))
            for q in entry.questions
        ),
        texts=entry.texts,
        units={name: units for name, units in entry.variables.items()},  # noqa: C416 - of any str
        trigger=None if entry.trigger is None else _trigger_of(entry),
        rules=Rules(
            quiet_hours=tuple(parse_quiet(text) for text in rules.quiet_hours),
            quarantine_s=rules.quarantine_s,
            survey_quarantine_s=rules.survey_quarantine_s,
            sample_pct=rules.sample_pct,
            daily_cap=rules.daily_cap,
            countries=tuple(rules.countries),
            expire_s=rules.expire_s,
            min_n=rules.min_n,
        ),
    )


def _branch_of(entry: SurveyEntry, question: QuestionEntry) -> Branch | None:
    branch = question.when
    if branch is None:
        return None
    kind = next(each.kind for each in entry.questions if each.id == branch.question)
    least, most = branch.bounds(kind)
    return Branch(question=branch.question, least=least, most=most)


def _trigger_of(entry: SurveyEntry) -> Trigger:
    trigger = entry.trigger
    assert trigger is not None
    return Trigger(
        event=trigger.event,
        min_talk_s=trigger.min_talk_s,
        max_talk_s=trigger.max_talk_s,
        queues=tuple(trigger.queues),
        lines=tuple(trigger.lines),
        payers=tuple(trigger.payers),
        transferred=trigger.transferred,
        dispositions=tuple(trigger.dispositions),
        except_dispositions=tuple(trigger.except_dispositions),
        services=tuple(trigger.services),
    )


def definition_from_body(body: Mapping[str, Any]) -> Definition:
    """The definition that an invitation began with, as `Survey.body` kept it."""
    return definition_of(SurveyEntry.model_validate(body, extra="ignore"))


class Book:
    """Surveys, providers, zones and teams at one moment."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._surveys = {
            entry.id: Survey(
                definition=definition_of(entry.value),
                version=entry.version,
                body=entry.value.model_dump(mode="json"),
            )
            for entry in configuration.entries("surveys")
            if isinstance(entry.value, SurveyEntry)
        }
        self.providers: tuple[SmsEntry, ...] = tuple(providers_in_order(configuration))
        self.default_zone = self._default_zone()
        lines = configuration.all("lines", Line)
        self.regions = frozenset(main_region_of(line.number) for line in lines.values())
        """Countries of our own lines."""

    @property
    def definitions(self) -> tuple[Definition, ...]:
        return tuple(survey.definition for survey in self._surveys.values())

    def survey(self, key: str) -> Survey | None:
        return self._surveys.get(key)

    def provider(self, provider_id: str) -> SmsEntry | None:
        return self._configuration.get("sms", provider_id, SmsEntry)

    def team_of(self, agent: str | None) -> str | None:
        entry = None if agent is None else self._configuration.get("agents", agent, AgentEntry)
        return None if entry is None else entry.team

    def name_of_agent(self, agent: str | None) -> str:
        """His name as patients may read it; empty when there is none."""
        entry = None if agent is None else self._configuration.get("agents", agent, AgentEntry)
        return "" if entry is None else entry.name

    def name_of_organisation(self, organisation: str | None) -> str:
        if organisation is None:
            return ""
        entry = self._configuration.get("organisations", organisation, Organisation)
        return "" if entry is None else entry.name

    def language_of_line(self, line: str | None) -> str | None:
        entry = None if line is None else self._configuration.get("lines", line, Line)
        return None if entry is None else entry.language

    def zone_for(self, number_zone: str | None, line: str | None) -> ZoneInfo:
        """Where the person is taken to live: his number tells, else the line, else the calendar."""
        if number_zone is not None:
            return ZoneInfo(number_zone)
        entry = None if line is None else self._configuration.get("lines", line, Line)
        if entry is not None and entry.zone is not None:
            return ZoneInfo(entry.zone)
        return self.default_zone

    def _default_zone(self) -> ZoneInfo:
        """That of the default deadlines' calendar, else of the one called default, else the first."""
        calendars = self._configuration.all("calendars", Calendar)
        deadline = self._configuration.get("deadlines", "default", DeadlineEntry)
        wanted = ("" if deadline is None else deadline.calendar or "", "default", *calendars)
        found = next((calendars[name] for name in wanted if name in calendars), None)
        return UTC if found is None else ZoneInfo(found.zone)
