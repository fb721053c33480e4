"""The closed loop: a bad answer, the appeal it opened, the call back, and what the patient says then."""

from collections.abc import Callable, Sequence

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.tickets import TicketClosed, TicketCreated, TicketMoved
from careline_surveys.adapters.phones import read_number
from careline_surveys.book import Book
from careline_surveys.db import contacts, follow_ups, invitations
from careline_surveys.db.contacts import Contact
from careline_surveys.db.people import People
from careline_surveys.domain.definitions import for_appeal
from careline_surveys.domain.invitations import Invitation, Reference, Subject
from careline_surveys.inviting import Inviting, Request

SURVEY = "survey"
"""The journal's word for appeals that came of a bad answer; their external id is the invitation's."""

AFTER_APPEAL = "appeal"
"""The kind of service of invitations that ask how an appeal was dealt with."""

AppealEvent = TicketCreated | TicketMoved | TicketClosed


class Following:
    def __init__(self, people: People, inviting: Inviting, book: Callable[[], Book]) -> None:
        self._people = people
        self._inviting = inviting
        self._book = book

    async def heard(self, uow: UnitOfWork, calls: Sequence[Contact]) -> None:
        """Calls have ended: contacts to count, and perhaps those that were promised to patients.

        Who asks about these calls does so before: a reply, too, locks its person first and what is
        followed up with him second.
        """
        await contacts.add(uow.connection, calls)
        talks = [call for call in calls if call.handled and call.person_key is not None]
        followed = await follow_ups.followed(uow.connection, {call.person_key for call in talks})
        for call in sorted(talks, key=lambda each: (each.person_key or b"", each.call_id)):
            if call.person_key in followed:
                await follow_ups.talked(uow.connection, call, call.talked_at or call.arrived_at)

    async def appeal(self, uow: UnitOfWork, event: AppealEvent, version: int) -> None:
        """An appeal of ours has changed; when it is closed, the patient may be asked about that."""
        if event.external_source != SURVEY or event.external_id is None:
            return
        invitation_id = event.external_id
        if isinstance(event, TicketClosed):
            status = "closed"
            await follow_ups.appeal_closed(
                uow.connection,
                invitation_id,
                version=version,
                outcome=event.outcome,
                at=event.closed_at,
            )
        else:
            status = "new" if isinstance(event, TicketCreated) else event.status
        await follow_ups.appeal_is(
            uow.connection,
            invitation_id,
            version=version,
            ticket_id=event.ticket_id,
            number=event.number,
            status=status,
        )
        if isinstance(event, TicketClosed):
            await self._ask_after(uow, invitation_id, event.ticket_id)

    async def _ask_after(self, uow: UnitOfWork, invitation_id: str, ticket_id: str) -> None:
        """Asks once for each appeal, and never about the appeal that such an answer has opened."""
        wanted = for_appeal(self._book().definitions)
        first = await invitations.get(uow.connection, invitation_id) if wanted else None
        if first is None or first.person_id is None or first.service == AFTER_APPEAL:
            return
        phone = await self._people.number_of(uow.connection, first.person_id)
        if phone is None:
            return
        book = self._book()
        for definition in wanted:
            survey = book.survey(definition.key)
            assert survey is not None
            request = _request(first, phone, ticket_id)
            await self._inviting.invite(uow, book, survey, request)


def _request(first: Invitation, phone: str, ticket_id: str) -> Request:
    return Request(
        service=AFTER_APPEAL,
        number=read_number(phone),
        language=first.language,
        reference=Reference(type="ticket", id=ticket_id),
        subject=Subject(
            line=first.subject.line,
            organisation=first.subject.organisation,
            insurer=first.subject.insurer,
        ),
    )
