"""What comes in: replies, stop words, and messages that belong to nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from careline_common.db.unit_of_work import UnitOfWork
from careline_surveys.adapters.phones import IRAN, Number, read_sender
from careline_surveys.answering import Answering, in_language, scored
from careline_surveys.db import answers, inbound, invitations
from careline_surveys.db.people import People
from careline_surveys.domain import replies, texts
from careline_surveys.domain.definitions import SCALES, Definition, Question
from careline_surveys.domain.invitations import Answer, Invitation
from careline_surveys.metrics import SurveysMetrics
from careline_surveys.versions import Versions

Meaning = Literal["answer", "unclear", "stop", "late", "stray", "repeated"]

LONGEST_REPLY = 4000
_TRUSTED_CLOCK = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A message from a patient. `external_id` is the provider's, by which repeats are known."""

    provider: str
    external_id: str | None
    sender: str
    text: str
    at: datetime | None = None


def read_answer(question: Question, text: str) -> tuple[bool, int | None]:
    """(read, score): whether the text answers the question, and with which score."""
    if question.kind == "text":
        return bool(text.strip()), None
    if question.kind == "fcr":
        answer = replies.read_yes_no(text)
        return answer is not None, None if answer is None else int(answer)
    low, high = SCALES[question.kind]
    score = replies.read_score(text, low=low, high=high)
    return score is not None, score


class Replying:
    def __init__(
        self, people: People, versions: Versions, answering: Answering, metrics: SurveysMetrics
    ) -> None:
        self._people = people
        self._versions = versions
        self._answering = answering
        self._metrics = metrics

    async def take(self, uow: UnitOfWork, reply: Reply) -> Meaning:
        """Keeps a message, and acts on what it means; one that came before changes nothing."""
        at = _credible(reply.at, uow.clock.now())
        text = reply.text[:LONGEST_REPLY]
        known = reply.external_id is not None and await inbound.known(
            uow.connection, reply.provider, reply.external_id
        )
        number = _number(reply.sender)
        person_id = None
        if not known and number is not None:
            person_id = await self._people.locked(uow.connection, number.e164, at)
        inbound_id = uow.ids.new()
        if known or not await inbound.add(
            uow.connection,
            inbound_id=inbound_id,
            provider=reply.provider,
            external_id=reply.external_id,
            person_id=person_id,
            at=at,
        ):
            return self._counted(uow, "repeated")
        content_id = await self._people.keep_text(uow.connection, person_id, text, at)
        meaning: Meaning = "stray"
        invitation = None
        if number is not None and person_id is not None:
            invitation = await invitations.newest_open(uow.connection, person_id, uow.clock.now())
            meaning = await self._act(
                uow,
                invitation,
                number=number,
                person_id=person_id,
                text=text,
                content_id=content_id,
                at=at,
            )
        await inbound.say(
            uow.connection,
            inbound_id,
            meaning,
            None if invitation is None else invitation.id,
            content_id,
        )
        return self._counted(uow, meaning)

    def _counted(self, uow: UnitOfWork, meaning: Meaning) -> Meaning:
        uow.after_commit(lambda: self._metrics.replies.labels(meaning).inc())
        return meaning

    async def _act(
        self,
        uow: UnitOfWork,
        invitation: Invitation | None,
        *,
        number: Number,
        person_id: str,
        text: str,
        content_id: str,
        at: datetime,
    ) -> Meaning:
        if replies.is_stop(text, iranian=number.country_code == IRAN):
            await self._answering.opt_out(
                uow, number=number.e164, person_id=person_id, source="sms", invitation=invitation
            )
            return "stop"
        if invitation is None:
            asked = await invitations.was_asked(uow.connection, person_id)
            return "late" if asked else "stray"
        definition = await self._versions.of(uow.connection, invitation)
        answered = await answers.answered_questions(uow.connection, invitation.id)
        question = definition.question_after(answered)
        if question is None:
            return "late"
        read, score = read_answer(question, text)
        if not read:
            await self._ask_again(uow, invitation, question)
            return "unclear"
        answer = in_language(scored(invitation, question, score, at), replies.language_of(text))
        await self._record(uow, invitation, definition, answer, content_id)
        return "answer"

    async def _record(
        self,
        uow: UnitOfWork,
        invitation: Invitation,
        definition: Definition,
        answer: Answer,
        content_id: str,
    ) -> None:
        changed = await self._answering.record(
            uow, invitation, definition, answer, content_id=content_id, channel="sms"
        )
        await self._answering.ask_next(uow, changed, definition)

    async def _ask_again(self, uow: UnitOfWork, invitation: Invitation, question: Question) -> None:
        """Politely, and once for an invitation: who is not understood twice is left in peace."""
        if invitation.asked_again_at is not None or question.kind not in texts.AGAIN:
            return
        await invitations.change(uow.connection, invitation.id, asked_again_at=uow.clock.now())
        _, text = texts.choose(texts.AGAIN[question.kind], (invitation.language,))
        await self._answering.queue(uow, invitation, "again", text)


def _number(sender: str) -> Number | None:
    """None for senders that are names or short codes: nobody can be asked by them."""
    try:
        return read_sender(sender)
    except ValueError:
        return None


def _credible(at: datetime | None, now: datetime) -> datetime:
    """The provider's time unless it is missing, naive, in the future or more than a day old."""
    if at is None or at.tzinfo is None or not now - _TRUSTED_CLOCK <= at <= now:
        return now
    return at
