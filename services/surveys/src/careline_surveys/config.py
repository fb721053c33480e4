"""The sections of the configuration file that surveys owns or reads, and what follows from them."""

import re
from collections.abc import Mapping, Sequence
from datetime import time
from typing import Annotated, Any, Literal, Self

import phonenumbers
from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from careline_common.config import (
    AgentEntry,
    Calendar,
    ConfigModel,
    ConfigStore,
    Configuration,
    Counts,
    Id,
    Line,
    Organisation,
    Section,
    Team,
)
from careline_surveys.config_sms import SmsEntry
from careline_surveys.domain.definitions import SCALES, QuestionKind, QuietWindow
from careline_surveys.domain.sending import leaves_time
from careline_surveys.domain.variables import LONGEST_UNITS

LONGEST_TEXT = 1000


def _country(code: str) -> str:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"no country {code!r}: give a code of two letters such as RU")
    return code


_WINDOW = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")

SmsText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT)
]
Language = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$")]
Seconds = Annotated[int, Field(ge=0)]
Country = Annotated[str, AfterValidator(_country)]
"""An ISO 3166 code of two letters, such as RU."""
Units = Annotated[int, Field(ge=1, le=LONGEST_UNITS)]
Disposition = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class BranchEntry(ConfigModel):
    """Asks a question only when an earlier one was answered so: `{question: csi, max: 2}`.

    `min` and `max` are scores, both included; for fcr 0 is no and 1 is yes.
    """

    question: Id
    min: int | None = None
    max: int | None = None

    def bounds(self, kind: str) -> tuple[int, int]:
        """The scores that take the branch, within the scale of the question that it hangs on."""
        lowest, highest = SCALES[kind]
        return (
            lowest if self.min is None else self.min,
            highest if self.max is None else self.max,
        )


class QuestionEntry(ConfigModel):
    """`low` is the highest score after which the patient is rung back (0 for FCR: he said no)."""

    id: Id
    kind: QuestionKind
    texts: dict[Language, SmsText] = Field(default_factory=dict)
    low: int | None = None
    when: BranchEntry | None = None

    @model_validator(mode="after")
    def _check_low(self) -> Self:
        if self.low is None:
            return self
        if self.kind not in SCALES:
            raise ValueError(f"a question of kind {self.kind} has no score that could be low")
        lowest, highest = SCALES[self.kind]
        if not lowest <= self.low < highest:
            raise ValueError(f"low of {self.kind} is from {lowest} up to {highest - 1}")
        return self


class TriggerEntry(ConfigModel):
    """After which event patients are asked; empty lists let everything pass.

    A call is asked about by disposition once its agent has given one, and never when he does not.
    """

    event: Literal["call.ended", "service.rendered", "appeal.closed"]
    min_talk_s: float = Field(default=0, ge=0)
    max_talk_s: float | None = Field(default=None, ge=0)
    queues: list[Id] = Field(default_factory=list)
    lines: list[str] = Field(default_factory=list)
    payers: list[Literal["cash", "insured", "unknown"]] = Field(default_factory=list)
    transferred: bool | None = None
    dispositions: list[Disposition] = Field(default_factory=list)
    except_dispositions: list[Disposition] = Field(default_factory=list)
    services: list[Literal["inpatient", "outpatient", "branch", "remote"]] = Field(
        default_factory=list
    )

    @model_validator(mode="after")
    def _check_talk(self) -> Self:
        if self.max_talk_s is not None and self.max_talk_s < self.min_talk_s:
            raise ValueError("max_talk_s is less than min_talk_s")
        both = next((each for each in self.dispositions if each in self.except_dispositions), None)
        if both is not None:
            raise ValueError(f"the disposition {both!r} is both asked about and excepted")
        return self


def parse_quiet(text: str) -> QuietWindow:
    """Reads `21:00-09:00`, which runs over midnight; 24:00 is the end of the day."""
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no window such as 21:00-09:00")
    hours, minutes, end_hours, end_minutes = (int(part) for part in match.groups())
    if (end_hours, end_minutes) == (24, 0):
        end_hours = 0
    if hours > 23 or end_hours > 23 or minutes > 59 or end_minutes > 59:
        raise ValueError(f"{text!r} is no time of a day")
    window = QuietWindow(start=time(hours, minutes), end=time(end_hours, end_minutes))
    if window.start == window.end:
        raise ValueError(f"{text!r} begins and ends at the same time")
    return window


class RulesEntry(ConfigModel):
    """Durations in seconds; a rule that is absent does not hold."""

    quiet_hours: list[str] = Field(default_factory=list)
    quarantine_s: Seconds | None = None
    survey_quarantine_s: Seconds | None = None
    sample_pct: float | None = Field(default=None, ge=0, le=100)
    daily_cap: int | None = Field(default=None, ge=0)
    countries: list[Country] = Field(default_factory=list)
    expire_s: int = Field(default=259_200, gt=0)
    min_n: int = Field(default=5, ge=0)

    @field_validator("quiet_hours")
    @classmethod
    def _check_quiet(cls, texts: list[str]) -> list[str]:
        if not leaves_time([parse_quiet(text) for text in texts]):
            raise ValueError("the whole day is quiet: nobody could ever be asked")
        return texts


def _check_branch(branch: BranchEntry, earlier: Sequence[QuestionEntry]) -> None:
    on = next((question for question in earlier if question.id == branch.question), None)
    if on is None:
        raise ValueError(f"when names {branch.question!r}, which is no earlier question")
    if on.kind not in SCALES:
        raise ValueError(f"when names {on.id!r}, which is free text and has no score")
    lowest, highest = SCALES[on.kind]
    least, most = branch.bounds(on.kind)
    if not lowest <= least <= most <= highest:
        raise ValueError(f"when of {on.kind} is a span within {lowest} to {highest}")
    if (least, most) == (lowest, highest):
        raise ValueError("when holds for every score: give min or max, or leave it out")


class SurveyEntry(ConfigModel):
    """A survey: `texts` ask the first question, each further one has its own or ready-made words.

    `{link}`, `{date}`, `{agent}` and `{organisation}` may stand in the words of the first question.
    `variables` says to how many UTF-16 units the names are cut; where they could make a text cost
    one SMS more it is refused, unless `allow_more_segments`.
    """

    key: Id
    name: str = ""
    variables: dict[Literal["agent", "organisation"], Units] = Field(default_factory=dict)
    allow_more_segments: bool = False
    questions: Annotated[list[QuestionEntry], Field(min_length=1, max_length=20)]
    texts: dict[Language, SmsText] = Field(default_factory=dict)
    trigger: TriggerEntry | None = None
    rules: RulesEntry = Field(default_factory=RulesEntry)

    @field_validator("questions")
    @classmethod
    def _check_ids(cls, questions: list[QuestionEntry]) -> list[QuestionEntry]:
        ids = [question.id for question in questions]
        twice = next((name for name in ids if ids.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the question {twice!r} is here twice")
        for position, question in enumerate(questions):
            if question.when is not None:
                _check_branch(question.when, questions[:position])
        return questions


class DeadlineEntry(ConfigModel):
    """Of the deadlines, which are the journal's, only the default calendar matters here."""

    id: Id
    calendar: Id | None = None

    @model_validator(mode="before")
    @classmethod
    def _only_calendar(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {key: given[key] for key in ("id", "calendar") if key in given}


SECTIONS: tuple[Section, ...] = (
    Section("sms", SmsEntry, secrets=("secret", "password", "key", "callback_secret")),
    Section("surveys", SurveyEntry, key="key"),
    Section("lines", Line, key="number"),
    Section("calendars", Calendar),
    Section("deadlines", DeadlineEntry),
    Section("agents", AgentEntry),
    Section("teams", Team),
    Section("organisations", Organisation),
)


class SurveysConfigStore(ConfigStore):
    """A configuration that remembers in which order providers were listed.

    The first entry of `sms` is used first. Entries are kept by id, so each gets a position:
    those of the latest document stand, in its order, before those that it does not name.
    """

    async def check(self, document: Any) -> dict[str, Counts]:
        return await super().check(self._positioned(document))

    async def apply(self, document: Any, *, by: str = "") -> dict[str, Counts]:
        return await super().apply(self._positioned(document), by=by)

    def _positioned(self, document: Any) -> Any:
        listed = document.get("sms") if isinstance(document, Mapping) else None
        if not isinstance(listed, list) or not all(isinstance(item, Mapping) for item in listed):
            return document
        present = providers_in_order(self.current)
        ids = [item.get("id") for item in listed]
        if [entry.id for entry in present[: len(ids)]] == ids:
            first = {entry.id: entry.position for entry in present}
        else:
            others = [entry.position for entry in present if entry.id not in ids]
            start = min(others, default=len(ids)) - len(ids)
            first = {name: start + index for index, name in enumerate(ids)}
        return {
            **document,
            "sms": [{**item, "position": first.get(item.get("id"), 0)} for item in listed],
        }


def providers_in_order(configuration: Configuration) -> list[SmsEntry]:
    return sorted(
        configuration.all("sms", SmsEntry).values(), key=lambda entry: (entry.position, entry.id)
    )
