"""What is kept of a callback beside the floor's own: when it was promised, and whom to call."""

from careline_common.db.unit_of_work import UnitOfWork
from careline_router.db import repository
from careline_router.domain import events as ev
from careline_router.runtime.codec import moment, moment_or_none
from careline_router.runtime.contacts import Contact, Contacts
from careline_router.runtime.work import Within


async def keep_made(uow: UnitOfWork, made: ev.CallbackMade, *, from_call: str | None) -> None:
    """What a callback has besides its call's record; `from_call` is the call that it comes from."""
    await repository.put_callback(
        uow.connection,
        call_id=made.call_id,
        origin=made.origin,
        from_call=from_call,
        made_at=moment(made.at),
        promise_due=moment_or_none(made.promise_due),
        not_before=moment_or_none(made.not_before),
    )


def keeping_callbacks(contacts: Contacts, call_id: str, first: Within | None = None) -> Within:
    """Keeps the callbacks that come of what happens to a call, in its transaction and after `first`.

    The contact is copied: each item of work has its own, and loses it by itself.
    """

    async def keep(uow: UnitOfWork, events: list[ev.Event]) -> None:
        if first is not None:
            await first(uow, events)
        for event in events:
            if isinstance(event, ev.CallbackMade):
                contact = contacts.of(call_id)
                contacts.put(event.call_id, Contact(phone=contact.phone, name=contact.name))
                await keep_made(uow, event, from_call=call_id)
                await repository.copy_contact(uow.connection, call_id, event.call_id)

    return keep
