"""Asking a patient: one invitation for each survey and reference, whatever is retried."""

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from careline_common.db.unit_of_work import UnitOfWork
from careline_surveys.adapters.phones import Number
from careline_surveys.book import Book, Survey
from careline_surveys.db import invitations, messages
from careline_surveys.db.people import People
from careline_surveys.domain import sending, texts, variables
from careline_surveys.domain.definitions import Definition, Question
from careline_surveys.domain.invitations import Invitation, Reference, Subject
from careline_surveys.metrics import SurveysMetrics

LINK = "{link}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Whom to ask about what."""

    service: str
    number: Number
    language: str | None
    reference: Reference
    subject: Subject


class Links:
    """Links to web forms: the invitation's id and a signature, so that none can be guessed."""

    def __init__(self, base_url: str, key: bytes) -> None:
        self._base_url = base_url.rstrip("/")
        self._key = key

    def token(self, invitation_id: str) -> str:
        mark = hmac.digest(self._key, f"form:{invitation_id}".encode(), hashlib.sha256)
        return f"{invitation_id}.{mark.hex()[:32]}"

    def step(self, invitation_id: str) -> str:
        """Lets who has answered the first page of a form answer those that follow from it."""
        mark = hmac.digest(self._key, f"step:{invitation_id}".encode(), hashlib.sha256)
        return mark.hex()[:32]

    def invitation_of(self, token: str) -> str | None:
        """The invitation that a token opens; None for a token that we did not make."""
        invitation_id = token.rpartition(".")[0]
        genuine = hmac.compare_digest(self.token(invitation_id).encode(), token.encode())
        return invitation_id if invitation_id and genuine else None

    def filled(self, text: str, invitation_id: str) -> str:
        if LINK not in text:
            return text
        return text.replace(LINK, f"{self._base_url}/v1/f/{self.token(invitation_id)}")


def words_of(
    definition: Definition,
    question: Question,
    languages: tuple[str | None, ...],
    ours: Mapping[str, Mapping[str, str]] = texts.QUESTIONS,
) -> tuple[str, str]:
    """(language, text) of a question: its own words, for the first one the survey's, else ours."""
    first = question.id == definition.questions[0].id
    own = question.texts or (definition.texts if first else {})
    return texts.choose(own or ours[question.kind], languages)


def values_of(
    book: Book, definition: Definition, invitation: Invitation, number_zone: str | None
) -> dict[str, str]:
    """What stands for the variables of a text in this invitation, each cut to its length."""
    subject = invitation.subject
    names = {
        "agent": book.name_of_agent(subject.agent),
        "organisation": book.name_of_organisation(subject.organisation),
    }
    zone = book.zone_for(number_zone, subject.line)
    units = {**variables.DEFAULT_UNITS, **definition.units}
    return {
        variables.DATE: variables.shown_date(invitation.created_at.astimezone(zone).date()),
        **{name: variables.cut(value, units[name]) for name, value in names.items()},
    }


def decide(
    book: Book, survey: Survey, request: Request, facts: sending.Facts, now: datetime
) -> sending.Decision:
    definition = survey.definition
    return sending.decide(
        definition.rules,
        facts,
        reference=f"{definition.key}:{request.reference.type}:{request.reference.id}",
        now=now,
        zone=book.zone_for(request.number.zone, request.subject.line),
    )


class Inviting:
    def __init__(
        self, people: People, links: Links, metrics: SurveysMetrics, wake: Callable[[], None]
    ) -> None:
        self._people = people
        self._links = links
        self._metrics = metrics
        self._wake = wake
        self._kept: set[tuple[str, int]] = set()

    async def invite(
        self, uow: UnitOfWork, book: Book, survey: Survey, request: Request
    ) -> Invitation:
        """The invitation of this survey for this reference, made now unless there is one."""
        definition = survey.definition
        known = await invitations.by_reference(uow.connection, request.reference, definition.key)
        if known is not None:
            return known
        now = uow.clock.now()
        zone = book.zone_for(request.number.zone, request.subject.line)
        person_id = await self._people.locked(uow.connection, request.number.e164, now)
        facts = await self._facts(uow, definition, request, person_id, zone)
        decision = decide(book, survey, request, facts, now)
        new, text = self._written(
            uow, book, survey, request, person_id=person_id, decision=decision
        )
        await self._keep_version(uow, survey)
        if not await invitations.add(uow.connection, new, definition):
            known = await invitations.by_reference(
                uow.connection, request.reference, definition.key
            )
            assert known is not None
            return known
        if decision.send_at is not None:
            await messages.queue(
                uow.connection,
                message_id=uow.ids.new(),
                invitation_id=new.id,
                person_id=person_id,
                purpose="invitation",
                text=text,
                due_at=decision.send_at,
                at=now,
            )
        uow.after_commit(lambda: self._metrics.invitations.labels(new.status).inc())
        uow.after_commit(self._wake)
        return new

    async def invite_several(
        self, uow: UnitOfWork, book: Book, asked: Sequence[tuple[Survey, Request]]
    ) -> None:
        """`invite` for many, with a handful of statements for all.

        Everybody is asked at most once in such a round, because the rules look at what came before;
        who is here twice, or under a daily cap, is invited by himself afterwards. Raises what
        PostgreSQL says of two with one reference when somebody else writes one of these meanwhile.
        """
        together: dict[str, tuple[Survey, Request]] = {}
        alone: list[tuple[Survey, Request]] = []
        for survey, request in asked:
            single = survey.definition.rules.daily_cap is not None
            if single or request.number.e164 in together:
                alone.append((survey, request))
            else:
                together[request.number.e164] = (survey, request)
        if together:
            await self._together(uow, book, list(together.values()))
        for survey, request in alone:
            await self.invite(uow, book, survey, request)

    async def _together(
        self, uow: UnitOfWork, book: Book, asked: Sequence[tuple[Survey, Request]]
    ) -> None:
        connection, now = uow.connection, uow.clock.now()
        known = await invitations.known(
            connection, [(survey.definition.key, request.reference) for survey, request in asked]
        )
        new = [
            (survey, request)
            for survey, request in asked
            if (survey.definition.key, request.reference) not in known
        ]
        numbers = [request.number.e164 for _, request in new]
        people = await self._people.several_locked(connection, numbers, now)
        opted_out = await self._people.who_opted_out(connection, numbers)
        last = await invitations.last_asked_of(connection, list(people.values()))
        written: list[tuple[Invitation, Definition, str]] = []
        for survey, request in new:
            person_id = people[request.number.e164]
            facts = sending.Facts(
                opted_out=request.number.e164 in opted_out,
                landline=request.number.landline,
                region=request.number.region if survey.definition.rules.countries else None,
                asked_at=last.get((person_id, None)),
                asked_by_survey_at=last.get((person_id, survey.definition.key)),
                asked_today=0,
            )
            decision = decide(book, survey, request, facts, now)
            invitation, text = self._written(
                uow, book, survey, request, person_id=person_id, decision=decision
            )
            await self._keep_version(uow, survey)
            written.append((invitation, survey.definition, text))
        await invitations.add_several(connection, [(one, of) for one, of, _ in written])
        await messages.queue_several(
            connection,
            [(uow.ids.new(), one, text) for one, _, text in written if one.send_at is not None],
            now,
        )
        uow.after_commit(lambda: self._count([one for one, _, _ in written]))
        uow.after_commit(self._wake)

    def _count(self, made: Sequence[Invitation]) -> None:
        for status, count in Counter(one.status for one in made).items():
            self._metrics.invitations.labels(status).inc(count)

    async def _keep_version(self, uow: UnitOfWork, survey: Survey) -> None:
        key = (survey.definition.key, survey.version)
        if key in self._kept:
            return
        await invitations.keep_version(uow.connection, *key, dict(survey.body))
        uow.after_commit(lambda: self._kept.add(key))

    def _written(
        self,
        uow: UnitOfWork,
        book: Book,
        survey: Survey,
        request: Request,
        *,
        person_id: str,
        decision: sending.Decision,
    ) -> tuple[Invitation, str]:
        now = uow.clock.now()
        definition = survey.definition
        wanted = (
            request.language,
            book.language_of_line(request.subject.line),
            texts.COUNTRY_LANGUAGES.get(request.number.country_code),
        )
        language, text = words_of(definition, definition.questions[0], wanted)
        invitation = Invitation(
            id=uow.ids.new(),
            survey=definition.key,
            survey_version=survey.version,
            service=request.service,
            person_id=person_id,
            language=language,
            reference=request.reference,
            subject=request.subject,
            status="suppressed" if decision.send_at is None else "scheduled",
            reason=decision.reason,
            created_at=now,
            send_at=decision.send_at,
            send_until=now + timedelta(seconds=definition.rules.expire_s),
        )
        values = values_of(book, definition, invitation, request.number.zone)
        return invitation, variables.filled(self._links.filled(text, invitation.id), values)

    async def _facts(
        self,
        uow: UnitOfWork,
        definition: Definition,
        request: Request,
        person_id: str,
        zone: ZoneInfo,
    ) -> sending.Facts:
        connection, rules = uow.connection, definition.rules
        quarantined = rules.quarantine_s is not None
        survey_quarantined = rules.survey_quarantine_s is not None
        return sending.Facts(
            opted_out=await self._people.opted_out(connection, request.number.e164),
            landline=request.number.landline,
            region=request.number.region if rules.countries else None,
            asked_at=await invitations.last_asked(connection, person_id) if quarantined else None,
            asked_by_survey_at=await invitations.last_asked(connection, person_id, definition.key)
            if survey_quarantined
            else None,
            asked_today=0
            if rules.daily_cap is None
            else await self._asked_on_day(uow, definition, zone),
        )

    async def _asked_on_day(self, uow: UnitOfWork, definition: Definition, zone: ZoneInfo) -> int:
        """Invitations of the day on which this one would go out, in the person's zone."""
        moment = sending.after_quiet(uow.clock.now(), definition.rules.quiet_hours, zone)
        begin = datetime.combine(moment.astimezone(zone).date(), datetime.min.time(), tzinfo=zone)
        return await invitations.asked_between(
            uow.connection, definition.key, begin, begin + timedelta(days=1)
        )
