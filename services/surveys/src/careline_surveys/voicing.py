"""Answers by keys: the survey that a PBX asks by voice once the agent has gone.

It is how callers from landlines are heard, whom no SMS reaches; who answers so gets no SMS.
"""

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.router import CallKeyed
from careline_surveys.answering import Answering, scored
from careline_surveys.db import answers, contacts, invitations, messages
from careline_surveys.domain.invitations import OPEN, Invitation, Reference
from careline_surveys.domain.keys import read_keys
from careline_surveys.versions import Versions

CALL = "call"


class NotHeardYetError(Exception):
    """Keys of a call of whose end nothing has been heard so far: they are tried again."""


class Voicing:
    def __init__(self, versions: Versions, answering: Answering) -> None:
        self._versions = versions
        self._answering = answering

    async def keyed(self, uow: UnitOfWork, event: CallKeyed) -> None:
        """Records what was keyed; keys of a call about which nobody is asked say nothing.

        Raises `NotHeardYetError` when the end of the call is still on its way here.
        """
        if not await contacts.known(uow.connection, event.call_id):
            raise NotHeardYetError(event.call_id)
        reference = Reference(type=CALL, id=event.call_id)
        asked = await invitations.by_reference(uow.connection, reference)
        if asked is None:
            return
        invitation = await invitations.get(uow.connection, asked.id, lock=True)
        assert invitation is not None
        if not _may_answer(invitation):
            return
        definition = await self._versions.of(uow.connection, invitation)
        known = await answers.answered_questions(uow.connection, invitation.id)
        read = read_keys(definition, event.keys)
        for question, score in read:
            if question.id not in known:
                answer = scored(invitation, question, score, event.keyed_at)
                invitation = await self._answering.record(
                    uow, invitation, definition, answer, content_id=None, channel="voice"
                )
        if read:
            await messages.cancel_queued(uow.connection, [invitation.id])


def _may_answer(invitation: Invitation) -> bool:
    """Whoever is not to be asked at all is not asked by voice either."""
    landline = invitation.status == "suppressed" and invitation.reason == "landline"
    return landline or invitation.status in {*OPEN, "scheduled", "failed"}
