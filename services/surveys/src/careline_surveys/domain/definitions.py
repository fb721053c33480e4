"""A survey as data: what is asked, in which words, after what, and under which rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Literal

QuestionKind = Literal["csi", "nps", "fcr", "text"]
Metric = Literal["csi", "nps", "fcr"]

METRICS: tuple[Metric, ...] = ("csi", "nps", "fcr")
SCALES: dict[str, tuple[int, int]] = {"csi": (1, 5), "nps": (0, 10), "fcr": (0, 1)}
DEFAULT_LOW: dict[str, int | None] = {"csi": 2, "nps": 6, "fcr": None}

DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Asks a question only when an earlier one was scored within [least, most] (FCR: 1 is yes)."""

    question: str
    least: int
    most: int

    def holds(self, answered: Mapping[str, int | None]) -> bool:
        score = answered.get(self.question)
        return score is not None and self.least <= score <= self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`low` is the highest score that calls for somebody to ring the patient back (FCR: 0 is no)."""

    id: str
    kind: QuestionKind
    texts: Mapping[str, str] = field(default_factory=dict)
    low: int | None = None
    when: Branch | None = None

    def applies(self, answered: Mapping[str, int | None]) -> bool:
        return self.when is None or self.when.holds(answered)

    def is_low(self, score: int) -> bool:
        threshold = DEFAULT_LOW.get(self.kind) if self.low is None else self.low
        return threshold is not None and score <= threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedCall:
    """What of a call decides whether its caller is asked."""

    call_id: str
    line: str
    handled: bool
    talk_s: float
    transferred: bool
    queue: str | None
    payer: str
    survey: str | None = None
    disposition: str | None = None
    """What the agent made of it; None until he has said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """The event after which patients are asked, and which of them; an empty filter lets all pass.

    With `dispositions` or `except_dispositions` a call is asked about once its agent has given one.
    """

    event: Literal["call.ended", "service.rendered", "appeal.closed"]
    min_talk_s: float = 0.0
    max_talk_s: float | None = None
    queues: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    payers: tuple[str, ...] = ()
    transferred: bool | None = None
    dispositions: tuple[str, ...] = ()
    except_dispositions: tuple[str, ...] = ()
    services: tuple[str, ...] = ()

    @property
    def by_disposition(self) -> bool:
        return bool(self.dispositions or self.except_dispositions)

    def wants_disposition(self, disposition: str | None) -> bool:
        if disposition is None:
            return not self.by_disposition
        listed = not self.dispositions or disposition in self.dispositions
        return listed and disposition not in self.except_dispositions

    def wants_call(self, call: EndedCall) -> bool:
        """Only calls that an agent handled are asked about."""
        if self.event != "call.ended" or not call.handled or call.talk_s < self.min_talk_s:
            return False
        if self.max_talk_s is not None and call.talk_s > self.max_talk_s:
            return False
        if self.transferred is not None and call.transferred != self.transferred:
            return False
        return (
            self.wants_disposition(call.disposition)
            and (not self.queues or call.queue in self.queues)
            and (not self.lines or call.line in self.lines)
            and (not self.payers or call.payer in self.payers)
        )

    def wants_service(self, service: str) -> bool:
        return self.event == "service.rendered" and (not self.services or service in self.services)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietWindow:
    """Wall-clock hours in which nobody is disturbed; `start` after `end` runs over midnight."""

    start: time
    end: time

    def covers(self, moment: time) -> bool:
        if self.start < self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Durations in seconds; None switches a rule off."""

    quiet_hours: tuple[QuietWindow, ...] = ()
    quarantine_s: int | None = None
    survey_quarantine_s: int | None = None
    sample_pct: float | None = None
    daily_cap: int | None = None
    countries: tuple[str, ...] = ()
    """Regions (`RU`) whose numbers are asked; empty for all."""
    expire_s: int = 3 * DAY_S
    min_n: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    key: str
    questions: tuple[Question, ...]
    texts: Mapping[str, str]
    trigger: Trigger | None = None
    rules: Rules = field(default_factory=Rules)
    units: Mapping[str, int] = field(default_factory=dict)
    """To how many UTF-16 units the names in its texts are cut; `variables` has the usual ones."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return tuple(metric for metric in METRICS if any(q.kind == metric for q in self.questions))

    def question_after(self, answered: Mapping[str, int | None]) -> Question | None:
        """The next question in turn whose branch is taken; None when nothing is left to ask.

        `answered` has the score of each answer, None for free text.
        """
        open_ = (q for q in self.questions if q.id not in answered)
        return next((q for q in open_ if q.applies(answered)), None)


def for_call(definitions: Sequence[Definition], call: EndedCall) -> tuple[Definition, ...]:
    """The surveys that a call sets off; a flow may have named the one that it wants."""
    return tuple(
        definition
        for definition in definitions
        if definition.trigger is not None
        and definition.trigger.wants_call(call)
        and call.survey in {None, definition.key}
    )


def for_rendered(definitions: Sequence[Definition], service: str) -> tuple[Definition, ...]:
    return tuple(
        definition
        for definition in definitions
        if definition.trigger is not None and definition.trigger.wants_service(service)
    )


def for_appeal(definitions: Sequence[Definition]) -> tuple[Definition, ...]:
    """The surveys that ask a patient how the appeal was dealt with that his bad answer had opened."""
    return tuple(
        definition
        for definition in definitions
        if definition.trigger is not None and definition.trigger.event == "appeal.closed"
    )


def for_request(definitions: Sequence[Definition], service: str) -> Definition | None:
    """The survey meant by a request that names only the kind of service.

    First the one called like the service, then the one set off by it, then one without a trigger;
    a centre with a single survey means that one.
    """
    by_key = {definition.key: definition for definition in definitions}
    if service in by_key:
        return by_key[service]
    for definition in definitions:
        trigger = definition.trigger
        if trigger is None:
            continue
        if trigger.wants_service(service) or (service == "call" and trigger.event == "call.ended"):
            return definition
    untriggered = [definition for definition in definitions if definition.trigger is None]
    if untriggered:
        return untriggered[0]
    return definitions[0] if len(definitions) == 1 else None
