"""Recording an answer, by whatever channel it came, and going on to the next question."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.surveys import CommentGiven, OptedOut, ScoreRecorded
from careline_surveys.db import answers, follow_ups, invitations, messages
from careline_surveys.db.people import People
from careline_surveys.domain import comments
from careline_surveys.domain.definitions import METRICS, Definition, Question
from careline_surveys.domain.invitations import Answer, Invitation
from careline_surveys.inviting import Links, words_of
from careline_surveys.metrics import SurveysMetrics


class Answering:
    def __init__(
        self, people: People, links: Links, metrics: SurveysMetrics, wake: Callable[[], None]
    ) -> None:
        self._people = people
        self._links = links
        self._metrics = metrics
        self._wake = wake

    async def record(
        self,
        uow: UnitOfWork,
        invitation: Invitation,
        definition: Definition,
        answer: Answer,
        *,
        content_id: str | None,
        channel: str,
        words: str | None = None,
    ) -> Invitation:
        """Writes an answer to an invitation that the caller has locked; tells of a score or a comment.

        `words` are the comment of a free text: what it is about is kept of it, and whether it complains.
        An answer proves that the message was delivered, whatever the receipts say.
        """
        added = await answers.add(
            uow.connection,
            answer_id=uow.ids.new(),
            new=answer,
            content_id=content_id,
            channel=channel,
            topics=None if words is None else comments.topics_of(words),
        )
        if not added:
            return invitation
        answered = await answers.answered_questions(uow.connection, invitation.id)
        following = definition.question_after(answered)
        expiry = timedelta(seconds=definition.rules.expire_s)
        changed = await invitations.change(
            uow.connection,
            invitation.id,
            status="completed" if following is None else "replied",
            reason=None,
            sent_at=invitation.sent_at or answer.at,
            delivered_at=invitation.delivered_at or answer.at,
            reply_until=invitation.reply_until or answer.at + expiry,
        )
        uow.after_commit(lambda: self._metrics.invitations.labels(changed.status).inc())
        if answer.score is not None:
            await self._tell(uow, changed, definition, answer)
        if words is not None:
            await self._tell_comment(uow, changed, words, answer.at, answer)
        return changed

    async def ask_next(
        self, uow: UnitOfWork, invitation: Invitation, definition: Definition
    ) -> None:
        """Queues the next question in turn, if there is one; the person has just written to us."""
        answered = await answers.answered_questions(uow.connection, invitation.id)
        question = definition.question_after(answered)
        if question is None:
            return
        _, text = words_of(definition, question, (invitation.language,))
        await self.queue(uow, invitation, "question", text)

    async def queue(self, uow: UnitOfWork, invitation: Invitation, purpose: str, text: str) -> None:
        """A further message to the person of an invitation, to be sent at once."""
        if invitation.person_id is None:
            return
        now = uow.clock.now()
        await messages.queue(
            uow.connection,
            message_id=uow.ids.new(),
            invitation_id=invitation.id,
            person_id=invitation.person_id,
            purpose=purpose,
            text=self._links.filled(text, invitation.id),
            due_at=now,
            at=now,
        )
        uow.after_commit(self._wake)

    async def _tell(
        self, uow: UnitOfWork, invitation: Invitation, definition: Definition, answer: Answer
    ) -> None:
        if answer.kind not in METRICS or answer.score is None:
            return
        metric = answer.kind
        question = next(q for q in definition.questions if q.id == answer.question)
        low = question.is_low(answer.score)
        contact = None
        if low:
            await follow_ups.open_one(uow.connection, invitation.id, "low_score", answer.at)
            contact = await self._number_of(uow, invitation)
        subject = invitation.subject
        uow.emit(
            ScoreRecorded(
                invitation_id=invitation.id,
                survey=invitation.survey,
                service=invitation.service,
                question=answer.question,
                metric=metric,
                score=answer.score,
                low=low,
                reference_type=invitation.reference.type,
                reference_id=invitation.reference.id,
                call_id=subject.call_id,
                agent=subject.agent,
                queue=subject.queue,
                organisation=subject.organisation,
                language=answer.language or invitation.language,
                answered_at=answer.at,
                contact=contact,
                commented=low and await answers.has_comment(uow.connection, invitation.id),
            ),
            subject=invitation.id,
            sequence=invitation.version,
        )
        uow.after_commit(lambda: self._metrics.scores.labels(metric, str(low).lower()).inc())

    async def remark(
        self, uow: UnitOfWork, invitation: Invitation, words: str, at: datetime
    ) -> None:
        """Something written beside the questions: too late, or not to be read as an answer. A
        complaint in it counts all the same, and it belongs to an appeal that there is."""
        locked = await invitations.get(uow.connection, invitation.id, lock=True)
        assert locked is not None
        if comments.complains(words) or await follow_ups.is_open(uow.connection, locked.id):
            await self._tell_comment(uow, locked, words, at)

    async def _tell_comment(
        self,
        uow: UnitOfWork,
        invitation: Invitation,
        words: str,
        at: datetime,
        answer: Answer | None = None,
    ) -> None:
        """The words stay here: who needs them fetches them by the invitation's id."""
        complaint = comments.complains(words)
        if complaint:
            await follow_ups.open_one(uow.connection, invitation.id, "complaint", at)
        low = complaint or await follow_ups.is_open(uow.connection, invitation.id)
        uow.emit(
            CommentGiven(
                invitation_id=invitation.id,
                survey=invitation.survey,
                service=invitation.service,
                question=None if answer is None else answer.question,
                complaint=complaint,
                low=low,
                reference_type=invitation.reference.type,
                reference_id=invitation.reference.id,
                call_id=invitation.subject.call_id,
                organisation=invitation.subject.organisation,
                language=(None if answer is None else answer.language) or invitation.language,
                answered_at=at,
                contact=await self._number_of(uow, invitation) if low else None,
            ),
            subject=invitation.id,
            sequence=invitation.version,
        )

    async def _number_of(self, uow: UnitOfWork, invitation: Invitation) -> str | None:
        if invitation.person_id is None:
            return None
        return await self._people.number_of(uow.connection, invitation.person_id)

    async def opt_out(
        self,
        uow: UnitOfWork,
        *,
        number: str,
        person_id: str,
        source: str,
        invitation: Invitation | None = None,
        at: datetime | None = None,
    ) -> bool:
        """Notes that a person wants no more surveys, and takes back what was on its way to him."""
        said_at = at or uow.clock.now()
        if not await self._people.opt_out(uow.connection, number, person_id, source, said_at):
            return False
        for scheduled in await invitations.scheduled_of(uow.connection, person_id):
            await suppress(uow, scheduled, "opted_out", self._metrics)
        await messages.cancel_queued_of(uow.connection, person_id)
        uow.emit(
            OptedOut(
                invitation_id=None if invitation is None else invitation.id,
                channel=source,
                at=said_at,
            ),
            subject=person_id if invitation is None else invitation.id,
            sequence=0 if invitation is None else invitation.version,
        )
        return True


async def suppress(
    uow: UnitOfWork, invitation: Invitation, reason: str, metrics: SurveysMetrics
) -> None:
    """Gives up an invitation that is not sent yet; the caller has locked it."""
    await invitations.change(uow.connection, invitation.id, status="suppressed", reason=reason)
    await messages.cancel_queued(uow.connection, [invitation.id])
    uow.after_commit(lambda: metrics.invitations.labels("suppressed").inc())


def scored(invitation: Invitation, question: Question, score: int | None, at: datetime) -> Answer:
    """An answer of this invitation, still without words."""
    return Answer(
        invitation_id=invitation.id,
        question=question.id,
        kind=question.kind,
        score=score,
        text=None,
        language=invitation.language,
        at=at,
    )


def in_language(answer: Answer, language: str | None) -> Answer:
    """The answer in the language that its words are in; the invitation's when they do not tell."""
    return answer if language is None else replace(answer, language=language)
