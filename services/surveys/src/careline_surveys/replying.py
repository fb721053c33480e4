"""What comes in: replies, stop words, and messages that belong to nothing."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.surveys import MessageReceived
from careline_surveys.adapters.phones import IRAN, Number
from careline_surveys.answering import Answering, in_language, scored
from careline_surveys.db import answers, inbound, invitations
from careline_surveys.db.people import People
from careline_surveys.domain import comments, encodings, replies, requests, texts
from careline_surveys.domain.definitions import Definition, Question
from careline_surveys.domain.invitations import Answer, Invitation
from careline_surveys.domain.matching import Match, match
from careline_surveys.metrics import SurveysMetrics
from careline_surveys.reading import read_reply
from careline_surveys.senders import Senders
from careline_surveys.versions import Versions

Meaning = Literal["answer", "unclear", "stop", "late", "stray", "status", "repeated"]

LONGEST_REPLY = 4000
FORGOTTEN_AFTER = timedelta(days=30)
"""What somebody writes so long after he was last asked is no reply to that."""
_TRUSTED_CLOCK = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A message from a patient. `external_id` is the provider's, by which repeats are known.

    `readable` is what of the text may be taken for a score when parts of it are missing.
    """

    provider: str
    external_id: str | None
    sender: str
    text: str
    at: datetime | None = None
    readable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """A reply of somebody who can be asked, on its way to what it means."""

    number: Number
    person_id: str
    text: str
    readable: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meant:
    """`text` is the reply as it could be read; `about` is what it belongs to, late or not."""

    meaning: Meaning
    text: str
    about: Invitation | None = None
    answer: tuple[Definition, Answer] | None = None
    unread: Question | None = None


def read_answer(question: Question, text: str) -> tuple[bool, int | None]:
    """(read, score): whether the text answers the question, and with which score."""
    reading = read_reply(question, text)
    return reading is not None, None if reading is None else reading.score


class Replying:
    def __init__(
        self,
        people: People,
        senders: Senders,
        versions: Versions,
        answering: Answering,
        metrics: SurveysMetrics,
    ) -> None:
        self._people = people
        self._senders = senders
        self._versions = versions
        self._answering = answering
        self._metrics = metrics

    async def take(self, uow: UnitOfWork, reply: Reply) -> Meaning:
        """Keeps a message, and acts on what it means; one that came before changes nothing."""
        at = _credible(reply.at, uow.clock.now())
        known = reply.external_id is not None and await inbound.known(
            uow.connection, reply.provider, reply.external_id
        )
        number = None if known else await self._senders.number_of(uow.connection, reply.sender)
        person_id = None
        if number is not None:
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
        text = encodings.legible(reply.text)[:LONGEST_REPLY]
        meant = _Meant(meaning="stray", text=text)
        if number is not None and person_id is not None:
            heard = _Heard(
                number=number, person_id=person_id, text=text, readable=reply.readable, at=at
            )
            meant = await self._meant(uow, heard)
        content_id = await self._people.keep_text(uow.connection, person_id, meant.text, at)
        await inbound.say(
            uow.connection,
            inbound_id,
            meaning=meant.meaning,
            invitation_id=None if meant.about is None else meant.about.id,
            content_id=content_id,
            language=replies.language_of(meant.text),
        )
        await self._act(uow, meant, content_id, at)
        if number is not None and _for_the_journal(meant):
            told = MessageReceived(
                message_id=inbound_id, language=replies.language_of(meant.text), received_at=at
            )
            uow.emit(told, subject=inbound_id, sequence=1)
        return self._counted(uow, meant.meaning)

    def _counted(self, uow: UnitOfWork, meaning: Meaning) -> Meaning:
        uow.after_commit(lambda: self._metrics.replies.labels(meaning).inc())
        return meaning

    async def _meant(self, uow: UnitOfWork, heard: _Heard) -> _Meant:
        """What a reply means; the invitation that it is about is locked when it is still open."""
        found = match(await invitations.asked_of(uow.connection, heard.person_id), heard.at)
        last = None if found.last is None else found.last.invitation
        is_iranian = heard.number.country_code == IRAN
        said = heard.text if heard.readable is None else heard.readable
        if replies.is_stop(said, iranian=is_iranian):
            await self._answering.opt_out(
                uow,
                number=heard.number.e164,
                person_id=heard.person_id,
                source="sms",
                invitation=None if found.open is None else found.open.invitation,
            )
            return _Meant(meaning="stop", text=heard.text, about=last)
        if requests.asks_status(said):
            return _Meant(meaning="status", text=heard.text)
        if found.last is None or (
            found.open is None and heard.at - found.last.at > FORGOTTEN_AFTER
        ):
            return _Meant(meaning="stray", text=heard.text)
        late = _Meant(meaning="late", text=heard.text, about=last)
        if found.open is None:
            return late
        invitation = await invitations.get(uow.connection, found.open.invitation.id, lock=True)
        assert invitation is not None
        if not replace(found.open, invitation=invitation).may_be_answered(heard.at):
            return late
        return await self._read(uow, heard, invitation, found, late)

    async def _read(
        self,
        uow: UnitOfWork,
        heard: _Heard,
        invitation: Invitation,
        found: Match,
        late: _Meant,
    ) -> _Meant:
        definition = await self._versions.of(uow.connection, invitation)
        answered = await answers.answered_questions(uow.connection, invitation.id)
        question = definition.question_after(answered)
        if question is None or (found.doubtful and question.kind == "text"):
            return late
        reading = read_reply(question, heard.text, readable=heard.readable)
        if reading is None and found.doubtful:
            return late
        if reading is None:
            return _Meant(meaning="unclear", text=heard.text, about=invitation, unread=question)
        answer = in_language(
            scored(invitation, question, reading.score, heard.at),
            replies.language_of(reading.text),
        )
        return _Meant(
            meaning="answer", text=reading.text, about=invitation, answer=(definition, answer)
        )

    async def _act(self, uow: UnitOfWork, meant: _Meant, content_id: str, at: datetime) -> None:
        if meant.about is None:
            return
        if meant.meaning in {"late", "unclear"}:
            await self._answering.remark(uow, meant.about, meant.text, at)
        if meant.unread is not None:
            await self._ask_again(uow, meant.about, meant.unread)
        if meant.answer is not None:
            definition, answer = meant.answer
            comment = answer.kind == "text" or comments.complains(meant.text)
            changed = await self._answering.record(
                uow,
                meant.about,
                definition,
                answer,
                content_id=content_id,
                channel="sms",
                words=meant.text if comment else None,
            )
            await self._answering.ask_next(uow, changed, definition)

    async def _ask_again(self, uow: UnitOfWork, invitation: Invitation, question: Question) -> None:
        """Politely, and once for an invitation: who is not understood twice is left in peace."""
        if invitation.asked_again_at is not None or question.kind not in texts.AGAIN:
            return
        await invitations.change(uow.connection, invitation.id, asked_again_at=uow.clock.now())
        _, text = texts.choose(texts.AGAIN[question.kind], (invitation.language,))
        await self._answering.queue(uow, invitation, "again", text)


def _for_the_journal(meant: _Meant) -> bool:
    """Whether it is no reply to a survey, and says something."""
    if meant.meaning == "status":
        return True
    return meant.meaning == "stray" and requests.says_something(meant.text)


def _credible(at: datetime | None, now: datetime) -> datetime:
    """The provider's time unless it is missing, naive, in the future or more than a day old."""
    if at is None or at.tzinfo is None or not now - _TRUSTED_CLOCK <= at <= now:
        return now
    return at
